#include "world/thread_world.h"

#include <algorithm>
#include <utility>

namespace hat {

class ThreadWorld::ThreadSignal : public Signal {
 public:
  explicit ThreadSignal(const ThreadWorld& world) : world_(world) {}

  void Raise() override {
    // Under the lock: the waiter may destroy the signal as soon as it has seen the flag.
    const std::lock_guard lock(mutex_);
    is_raised_ = true;
    condition_.notify_one();
  }

  void Wait() override {
    std::unique_lock lock(mutex_);
    condition_.wait(lock, [this] { return is_raised_; });
    is_raised_ = false;
  }

  bool WaitUntil(Seconds deadline) override {
    std::unique_lock lock(mutex_);
    condition_.wait_until(lock, world_.PointOf(deadline), [this] { return is_raised_; });
    return std::exchange(is_raised_, false);
  }

 private:
  const ThreadWorld& world_;
  std::mutex mutex_;
  std::condition_variable condition_;
  bool is_raised_ = false;
};

ThreadWorld::ThreadWorld(double scale) : scale_(scale), start_(Clock::now()) {
  callbacks_ = std::thread([this] { RunCallbacks(); });
}

ThreadWorld::~ThreadWorld() {
  std::vector<std::thread> threads;
  {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return running_ == 0; });
    is_stopping_ = true;
    changed_.notify_all();
    threads.swap(threads_);
  }
  callbacks_.join();
  for (std::thread& thread : threads) thread.join();
}

Seconds ThreadWorld::Now() const {
  return Seconds(std::chrono::duration<double>(Clock::now() - start_).count() * scale_);
}

// Rounded up: whoever waits for t must not wake before it.
ThreadWorld::Clock::time_point ThreadWorld::PointOf(Seconds t) const {
  return start_ +
         std::chrono::ceil<Clock::duration>(std::chrono::duration<double>(t.value() / scale_));
}

void ThreadWorld::SleepUntil(Seconds t) {
  while (Now() < t) std::this_thread::sleep_until(PointOf(t));
}

void ThreadWorld::Settle() {
  const std::unique_ptr<Signal> passed = MakeSignal();
  CallAt(Now(), [&passed] { passed->Raise(); });
  passed->Wait();
}

void ThreadWorld::CallAt(Seconds t, std::function<void()> callback) {
  const std::lock_guard lock(mutex_);
  events_.Add(std::max(t, Seconds(0)), std::move(callback));
  changed_.notify_all();
}

void ThreadWorld::RunCallbacks() {
  std::unique_lock lock(mutex_);
  while (!is_stopping_) {
    if (events_.empty()) {
      changed_.wait(lock);
    } else if (Now() < events_.next()) {
      changed_.wait_until(lock, PointOf(events_.next()));
    } else {
      const std::function<void()> callback = events_.Take();
      lock.unlock();
      Guard(callback);
      lock.lock();
    }
  }
}

void ThreadWorld::Guard(const std::function<void()>& code) {
  try {
    code();
  } catch (...) {
    const std::lock_guard lock(mutex_);
    if (!failure_) failure_ = std::current_exception();
  }
}

void ThreadWorld::Start(const std::string& /*name*/, std::function<void()> body) {
  const std::lock_guard lock(mutex_);
  ++running_;
  threads_.emplace_back([this, body = std::move(body)] {
    Guard(body);
    const std::lock_guard done(mutex_);
    --running_;
    changed_.notify_all();
  });
}

std::unique_ptr<Signal> ThreadWorld::MakeSignal() { return std::make_unique<ThreadSignal>(*this); }

void ThreadWorld::Join() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return running_ == 0; });
  if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
}

}  // namespace hat
