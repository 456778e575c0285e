#include "world/thread_world.h"

#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

namespace hat {
namespace {

// Linux lets a thread sleep 50 us longer than it asked for, unless told otherwise.
void WakeOnTime() { prctl(PR_SET_TIMERSLACK, 1UL); }

// Of this thread, which in Linux has a niceness of its own. A larger one than it has needs no
// right.
void GiveWay() { setpriority(PRIO_PROCESS, static_cast<id_t>(gettid()), 10); }

}  // namespace

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

ThreadWorld::ThreadWorld(double scale, Clock::time_point start) : scale_(scale), start_(start) {
  callbacks_ = std::thread([this] {
    WakeOnTime();
    RunCallbacks();
  });
}

ThreadWorld::~ThreadWorld() {
  {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return running_ == 0; });
  }
  StopCallbacks();  // the last one may still have started an activity
  {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return running_ == 0; });
  }
  for (std::thread& thread : threads_) thread.join();
}

void ThreadWorld::StopCallbacks() {
  {
    const std::lock_guard lock(mutex_);
    is_stopping_ = true;
    changed_.notify_all();
  }
  if (callbacks_.joinable()) callbacks_.join();
}

Seconds ThreadWorld::Now() const {
  return Seconds(std::chrono::duration<double>(Clock::now() - start_).count() * scale_);
}

// Rounded up: whoever waits for t must not wake before it. Never is in a hundred years.
ThreadWorld::Clock::time_point ThreadWorld::PointOf(Seconds t) const {
  constexpr double kNever_s = 3.2e9;
  const std::chrono::duration<double> passed(std::min(t.value() / scale_, kNever_s));
  return start_ + std::chrono::ceil<Clock::duration>(passed);
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
      std::function<void()> callback = events_.Take();
      lock.unlock();
      Guard(callback);
      callback = nullptr;  // what it holds dies here, not under the lock
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
  JoinEnded();
  threads_.emplace_back([this, body = std::move(body)] {
    WakeOnTime();
    if (give_way_) GiveWay();
    Guard(body);
    const std::lock_guard done(mutex_);
    --running_;
    ended_.push_back(std::this_thread::get_id());
    changed_.notify_all();
  });
  ++running_;  // the thread waits for the lock before it counts itself out
}

void ThreadWorld::JoinEnded() {
  for (const std::thread::id id : std::exchange(ended_, {})) {
    const auto thread = std::ranges::find(threads_, id, &std::thread::get_id);
    thread->join();
    threads_.erase(thread);
  }
}

std::unique_ptr<Signal> ThreadWorld::MakeSignal() { return std::make_unique<ThreadSignal>(*this); }

void ThreadWorld::Join() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return running_ == 0; });
  if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
}

}  // namespace hat
