// The same Channel between threads, as the live runtime uses it; meant for the thread sanitizer.
#include <gtest/gtest.h>

#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "core/error.h"
#include "world/channel.h"

namespace hat {
namespace {

using Clock = std::chrono::steady_clock;

class ThreadSignal : public Signal {
 public:
  void Raise() override {
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
    const auto until = Clock::time_point(std::chrono::duration_cast<Clock::duration>(
        std::chrono::duration<double>(deadline.value())));
    const bool is_raised = condition_.wait_until(lock, until, [this] { return is_raised_; });
    is_raised_ = false;
    return is_raised;
  }

 private:
  std::mutex mutex_;
  std::condition_variable condition_;
  bool is_raised_ = false;
};

// Only what a Channel needs.
class ThreadWorld : public World {
 public:
  Seconds Now() const override {
    return Seconds(std::chrono::duration<double>(Clock::now().time_since_epoch()).count());
  }
  std::unique_ptr<Signal> MakeSignal() override { return std::make_unique<ThreadSignal>(); }
  void SleepUntil(Seconds) override { HAT_CHECK(false); }
  void Settle() override { HAT_CHECK(false); }
  void CallAt(Seconds, std::function<void()>) override { HAT_CHECK(false); }
  void Start(const std::string&, std::function<void()>) override { HAT_CHECK(false); }
};

TEST(ChannelThreadsTest, NothingIsLostBetweenThreads) {
  constexpr int kWriters = 4, kItems = 2000;
  ThreadWorld world;
  Channel<int> channel(world);
  std::vector<std::thread> writers;
  for (int writer = 0; writer < kWriters; ++writer) {
    writers.emplace_back([&, writer] {
      for (int i = 0; i < kItems; ++i) channel.Push(writer * kItems + i);
    });
  }
  std::vector<int> next(kWriters);
  for (int n = 0; n < kWriters * kItems; ++n) {
    if (n % 3 == 0) channel.WaitUntil(world.Now() + Microseconds(n % 50));
    const int item = channel.Pop();
    EXPECT_EQ(item % kItems, next[static_cast<size_t>(item / kItems)]++) << "a writer's order";
  }
  for (std::thread& writer : writers) writer.join();
  EXPECT_FALSE(channel.TryPop());
}

}  // namespace
}  // namespace hat
