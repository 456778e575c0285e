#include "world/memory_world.h"

#include <algorithm>
#include <cstdint>
#include <utility>

#include "core/error.h"

namespace hat {

class MemoryWorld::FiberSignal : public Signal {
 public:
  explicit FiberSignal(MemoryWorld& world) : world_(world) {}

  void Raise() override {
    is_raised_ = true;
    if (waiter_ != nullptr) world_.MakeReady(std::exchange(waiter_, nullptr));
  }

  void Wait() override { WaitUntil(Seconds::Infinity()); }

  bool WaitUntil(Seconds deadline) override {
    if (!is_raised_ && deadline <= world_.Now()) return false;
    if (!is_raised_) {
      waiter_ = world_.running_;
      const uint64_t wait = ++wait_;
      if (deadline.IsFinite()) {
        // A signal that lives shorter than its deadline takes the callback's target with it, hence
        // the shared flag.
        world_.CallAt(deadline, [this, wait, alive = std::weak_ptr<char>(alive_)] {
          if (alive.expired() || wait != wait_ || waiter_ == nullptr) return;
          world_.MakeReady(std::exchange(waiter_, nullptr));
        });
      }
      world_.Block();
    }
    return std::exchange(is_raised_, false);
  }

 private:
  MemoryWorld& world_;
  bool is_raised_ = false;
  Activity* waiter_ = nullptr;
  uint64_t wait_ = 0;
  std::shared_ptr<char> alive_ = std::make_shared<char>();
};

void MemoryWorld::SleepUntil(Seconds t) {
  if (t <= now_) return;
  Activity* self = running_;
  events_.Add(t, [this, self] { MakeReady(self); });
  Block();
}

void MemoryWorld::Settle() {
  settling_.push_back(running_);
  Block();
}

void MemoryWorld::CallAt(Seconds t, std::function<void()> callback) {
  events_.Add(std::max(t, now_), std::move(callback));
}

void MemoryWorld::Start(const std::string& name, std::function<void()> body) {
  activities_.push_back(
      std::make_unique<Activity>(Activity{name, std::make_unique<Fiber>(std::move(body))}));
  MakeReady(activities_.back().get());
}

std::unique_ptr<Signal> MemoryWorld::MakeSignal() { return std::make_unique<FiberSignal>(*this); }

void MemoryWorld::Run() {
  HAT_CHECK(running_ == nullptr, "MemoryWorld::Run() within an activity");
  do {
    RunInstant();
    if (!events_.empty()) now_ = events_.next();
  } while (!events_.empty());
}

void MemoryWorld::RunInstant() {
  for (;;) {
    while (!events_.empty() && events_.next() <= now_) events_.Take()();
    if (ready_.empty() && !settling_.empty()) {
      ready_.push_back(settling_.front());
      settling_.pop_front();
    }
    if (ready_.empty()) return;
    RunReady();
  }
}

void MemoryWorld::RunReady() {
  while (!ready_.empty()) {
    running_ = ready_.front();
    ready_.pop_front();
    running_->fiber->Resume();
    if (running_->fiber->has_ended()) {
      std::erase_if(activities_,
                    [this](const auto& activity) { return activity.get() == running_; });
    }
    running_ = nullptr;
  }
}

std::vector<std::string> MemoryWorld::stuck() const {
  std::vector<std::string> names;
  for (const auto& activity : activities_) names.push_back(activity->name);
  return names;
}

void MemoryWorld::Block() {
  HAT_CHECK(running_ != nullptr, "only an activity may block");
  running_->fiber->Yield();
}

}  // namespace hat
