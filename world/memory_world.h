// The in-memory world: a virtual clock, activities as fibers on the caller's thread, no simulator.
// For simulation without shared links, protocol tests and one-process generation. Deterministic:
// activities run in the order in which they became ready.
#pragma once

#include <deque>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "world/event_queue.h"
#include "world/fiber.h"
#include "world/world.h"

namespace hat {

// What an activity throws that ends early: no failure.
struct EndOfActivity {};

class MemoryWorld : public World {
 public:
  Seconds Now() const override { return now_; }
  void SleepUntil(Seconds t) override;
  void Settle() override;
  void CallAt(Seconds t, std::function<void()> callback) override;
  // As CallAt, but before all of its callbacks at that instant, also earlier ones.
  void CallFirstAt(Seconds t, std::function<void()> callback);
  void Start(const std::string& name, std::function<void()> body) override;
  std::unique_ptr<Signal> MakeSignal() override;

  // When the next callback or sleeper is due; nothing where none waits.
  std::optional<Seconds> next_callback() const;

  // Runs until nothing is left to do: no activity is ready and no callback is due. Activities that
  // still wait are stuck().
  void Run();
  std::vector<std::string> stuck() const;  // names of activities that have not ended

 protected:
  void Stop() { is_stopped_ = true; }  // Run() returns before the next step
  // Ends all activities that have not: what they wait in throws EndOfActivity, which their bodies
  // must pass on and then swallow. No activity may be running.
  void EndActivities();

 private:
  class FiberSignal;
  struct Activity {
    std::string name;
    std::unique_ptr<Fiber> fiber;
    std::list<Activity>::iterator place;
    bool has_begun = false;
  };

  void Block();  // the running activity waits until MakeReady
  void MakeReady(Activity* activity) { ready_.push_back(activity); }
  void RunInstant();  // all that is due now
  void RunReady();
  void Resume(Activity& activity);

  Seconds now_;
  EventQueue events_;
  std::list<Activity> activities_;
  std::deque<Activity*> ready_;
  std::deque<Activity*> settling_;  // run when nothing else is due at this instant, one by one
  Activity* running_ = nullptr;
  bool is_stopped_ = false;
  bool is_ending_ = false;
};

}  // namespace hat
