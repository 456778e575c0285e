// The in-memory world: a virtual clock, activities as fibers on the caller's thread, no simulator.
// For simulation without shared links, protocol tests and one-process generation. Deterministic:
// activities run in the order in which they became ready.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "world/event_queue.h"
#include "world/stack_pool.h"
#include "world/world.h"

namespace hat {

// What an activity throws that ends early: no failure.
struct EndOfActivity {};

class MemoryWorld : public World {
 public:
  // `stack_bytes`: of each activity; only what it touches costs memory.
  explicit MemoryWorld(size_t stack_bytes = size_t{1} << 20);
  ~MemoryWorld() override;
  MemoryWorld(const MemoryWorld&) = delete;
  MemoryWorld& operator=(const MemoryWorld&) = delete;

  Seconds Now() const override { return now_; }
  void SleepUntil(Seconds t) override;
  void Settle() override;
  void CallAt(Seconds t, std::function<void()> callback) override;
  // As CallAt, but before all of its callbacks at that instant, also earlier ones.
  void CallFirstAt(Seconds t, std::function<void()> callback);
  void Start(const std::string& name, std::function<void()> body) override;
  std::unique_ptr<Signal> MakeSignal() override;
  bool is_concurrent() const override { return false; }

  // When the next callback or sleeper is due; nothing where none waits.
  std::optional<Seconds> next_callback() const;

  // Runs until nothing is left to do: no activity is ready and no callback is due. Activities that
  // still wait are stuck().
  void Run();
  std::vector<std::string> stuck() const;  // names of activities that have not ended

 protected:
  // Run() returns before the next step.
  void Stop() { is_stopped_ = true; }

  // Ends all activities that have not: what they wait in throws EndOfActivity, which their bodies
  // must let pass, and swallow in the end. No activity may be running. Callbacks are dropped.
  void EndActivities();

 private:
  class FiberSignal;
  struct Activity;

  // Activities in the order in which they were added. None is in two of them.
  class Line {
   public:
    bool empty() const { return first_ == nullptr; }
    void Add(Activity& activity);
    Activity& Take();

   private:
    Activity* first_ = nullptr;
    Activity* last_ = nullptr;
  };

  void Block();  // the running activity waits until MakeReady
  void MakeReady(Activity& activity);
  void RunInstant();  // all that is due now
  void RunReady();
  void Resume(Activity& activity);
  void Remove(Activity& activity);

  Seconds now_;
  EventQueue events_;
  Line ready_;
  Line settling_;  // run when nothing else is due at this instant, one by one
  Activity* running_ = nullptr;
  bool is_stopped_ = false;
  bool is_ending_ = false;
  StackPool stacks_;
  Activity* oldest_ = nullptr;  // of all that have not ended, a list
  Activity* newest_ = nullptr;
};

}  // namespace hat
