#include "world/memory_world.h"

#include <algorithm>
#include <cstdint>
#include <iterator>
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

void MemoryWorld::CallFirstAt(Seconds t, std::function<void()> callback) {
  events_.AddFirst(std::max(t, now_), std::move(callback));
}

void MemoryWorld::Start(const std::string& name, std::function<void()> body) {
  Activity& activity = activities_.emplace_back(name, std::make_unique<Fiber>(std::move(body)));
  activity.place = std::prev(activities_.end());
  MakeReady(&activity);
}

std::optional<Seconds> MemoryWorld::next_callback() const {
  return events_.empty() ? std::nullopt : std::optional(events_.next());
}

std::unique_ptr<Signal> MemoryWorld::MakeSignal() { return std::make_unique<FiberSignal>(*this); }

void MemoryWorld::Run() {
  HAT_CHECK(running_ == nullptr, "MemoryWorld::Run() within an activity");
  is_stopped_ = false;
  for (;;) {
    RunInstant();
    if (is_stopped_ || events_.empty()) return;
    now_ = events_.next();
  }
}

void MemoryWorld::RunInstant() {
  while (!is_stopped_) {
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
  while (!ready_.empty() && !is_stopped_) {
    Activity& next = *ready_.front();
    ready_.pop_front();
    Resume(next);
  }
}

void MemoryWorld::Resume(Activity& activity) {
  running_ = &activity;
  activity.has_begun = true;
  activity.fiber->Resume();
  running_ = nullptr;
  if (activity.fiber->has_ended()) activities_.erase(activity.place);
}

void MemoryWorld::EndActivities() {
  HAT_CHECK(running_ == nullptr);
  is_ending_ = true;
  while (!activities_.empty()) {
    Activity& first = activities_.front();
    if (first.has_begun) {
      Resume(first);
    } else {
      activities_.pop_front();
    }
  }
  is_ending_ = false;
  ready_.clear();
  settling_.clear();
}

std::vector<std::string> MemoryWorld::stuck() const {
  std::vector<std::string> names;
  for (const Activity& activity : activities_) names.push_back(activity.name);
  return names;
}

void MemoryWorld::Block() {
  HAT_CHECK(running_ != nullptr, "only an activity may block");
  if (is_ending_) throw EndOfActivity();
  running_->fiber->Yield();
  if (is_ending_) throw EndOfActivity();
}

}  // namespace hat
