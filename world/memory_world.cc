#include "world/memory_world.h"

#include <algorithm>
#include <new>
#include <utility>

#include "core/error.h"
#include "world/fiber.h"

namespace hat {

// Lies at the top of its own stack: what is needed to go on there lies together.
struct MemoryWorld::Activity {
  Activity(std::string its_name, std::function<void()> body, StackPool::Stack whole)
      : fiber(std::move(body), {whole.low, reinterpret_cast<char*>(this)}),
        stack(whole),
        name(std::move(its_name)) {}

  // What going on will touch, all at once: with many activities none of it is in a cache.
  void Prefetch() const {
    constexpr std::ptrdiff_t kLine = 64, kDeep = 20;
    const char* here = reinterpret_cast<const char*>(this);
    for (std::ptrdiff_t line = -kDeep; line < 3; ++line) __builtin_prefetch(here + line * kLine);
  }

  Fiber fiber;
  Activity* next_in_line = nullptr;
  bool has_begun = false;
  StackPool::Stack stack;
  std::string name;
  Activity* older = nullptr;
  Activity* newer = nullptr;
};

void MemoryWorld::Line::Add(Activity& activity) {
  (first_ == nullptr ? first_ : last_->next_in_line) = &activity;
  last_ = &activity;
}

MemoryWorld::Activity& MemoryWorld::Line::Take() {
  Activity& activity = *first_;
  first_ = std::exchange(activity.next_in_line, nullptr);
  return activity;
}

class MemoryWorld::FiberSignal : public Signal {
 public:
  explicit FiberSignal(MemoryWorld& world) : world_(world) {}

  void Raise() override {
    is_raised_ = true;
    Wake();
  }

  void Wait() override {
    if (!is_raised_) Block();
    is_raised_ = false;
  }

  bool WaitUntil(Seconds deadline) override {
    if (is_raised_ || deadline <= world_.now_) return std::exchange(is_raised_, false);
    if (!deadline.IsFinite()) {
      Wait();
      return true;
    }
    bool has_come = false;
    const EventQueue::Id id = world_.events_.Add(deadline, [this, &has_come] {
      has_come = true;
      Wake();
    });
    Block();
    if (!has_come) world_.events_.Cancel(id);
    return std::exchange(is_raised_, false);
  }

 private:
  void Block() {
    waiter_ = world_.running_;
    world_.Block();
  }
  void Wake() {
    if (waiter_ != nullptr) world_.MakeReady(*std::exchange(waiter_, nullptr));
  }

  MemoryWorld& world_;
  Activity* waiter_ = nullptr;
  bool is_raised_ = false;
};

MemoryWorld::MemoryWorld(size_t stack_bytes) : stacks_(stack_bytes) {}

MemoryWorld::~MemoryWorld() {
  while (oldest_ != nullptr) Remove(*oldest_);
}

void MemoryWorld::SleepUntil(Seconds t) {
  if (t <= now_) return;
  events_.Add(t, [this, self = running_] { MakeReady(*self); });
  Block();
}

void MemoryWorld::Settle() {
  settling_.Add(*running_);
  Block();
}

void MemoryWorld::CallAt(Seconds t, std::function<void()> callback) {
  events_.Add(std::max(t, now_), std::move(callback));
}

void MemoryWorld::CallFirstAt(Seconds t, std::function<void()> callback) {
  events_.AddFirst(std::max(t, now_), std::move(callback));
}

void MemoryWorld::Start(const std::string& name, std::function<void()> body) {
  const StackPool::Stack stack = stacks_.Take();
  constexpr size_t kRoom = (sizeof(Activity) + 63) / 64 * 64;
  auto* activity = new (stack.top - kRoom) Activity(name, std::move(body), stack);
  activity->older = newest_;
  (newest_ == nullptr ? oldest_ : newest_->newer) = activity;
  newest_ = activity;
  ready_.Add(*activity);
}

void MemoryWorld::Remove(Activity& activity) {
  (activity.older == nullptr ? oldest_ : activity.older->newer) = activity.newer;
  (activity.newer == nullptr ? newest_ : activity.newer->older) = activity.older;
  const StackPool::Stack stack = activity.stack;
  activity.~Activity();
  stacks_.GiveBack(stack);
}

std::unique_ptr<Signal> MemoryWorld::MakeSignal() { return std::make_unique<FiberSignal>(*this); }

std::optional<Seconds> MemoryWorld::next_callback() const {
  return events_.empty() ? std::nullopt : std::optional(events_.next());
}

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
    while (!events_.empty() && events_.next() <= now_) {
      const std::function<void()> callback = events_.Take();
      if (events_.is_long()) events_.PrefetchFirst();
      callback();
    }
    if (ready_.empty() && !settling_.empty()) ready_.Add(settling_.Take());
    if (ready_.empty()) return;
    RunReady();
  }
}

void MemoryWorld::RunReady() {
  while (!ready_.empty() && !is_stopped_) Resume(ready_.Take());
}

void MemoryWorld::Resume(Activity& activity) {
  running_ = &activity;
  activity.has_begun = true;
  activity.fiber.Resume();
  running_ = nullptr;
  if (activity.fiber.has_ended()) Remove(activity);
}

void MemoryWorld::EndActivities() {
  HAT_CHECK(running_ == nullptr, "activities can only be ended from outside");
  is_ending_ = true;
  ready_ = settling_ = Line();
  while (oldest_ != nullptr) {
    if (oldest_->has_begun) {
      Resume(*oldest_);
    } else {
      Remove(*oldest_);
    }
  }
  is_ending_ = false;
  events_ = EventQueue();
}

std::vector<std::string> MemoryWorld::stuck() const {
  std::vector<std::string> names;
  for (const Activity* activity = oldest_; activity != nullptr; activity = activity->newer) {
    names.push_back(activity->name);
  }
  return names;
}

void MemoryWorld::MakeReady(Activity& activity) {
  if (events_.is_long()) activity.Prefetch();
  if (!is_ending_) ready_.Add(activity);
}

void MemoryWorld::Block() {
  HAT_CHECK(running_ != nullptr, "only an activity may block");
  if (!is_ending_) running_->fiber.Yield();
  if (is_ending_) throw EndOfActivity();
}

}  // namespace hat
