// The in-memory world: a virtual clock, activities as fibers on the caller's thread, no simulator.
// For protocol tests and one-process generation. Deterministic: activities run in the order in
// which they became ready.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "world/event_queue.h"
#include "world/fiber.h"
#include "world/world.h"

namespace hat {

class MemoryWorld : public World {
 public:
  Seconds Now() const override { return now_; }
  void SleepUntil(Seconds t) override;
  void Settle() override;
  void CallAt(Seconds t, std::function<void()> callback) override;
  void Start(const std::string& name, std::function<void()> body) override;
  std::unique_ptr<Signal> MakeSignal() override;

  // Runs until nothing is left to do: no activity is ready and no callback is due. Activities that
  // still wait are stuck().
  void Run();
  std::vector<std::string> stuck() const;  // names of activities that have not ended

 private:
  class FiberSignal;
  struct Activity {
    std::string name;
    std::unique_ptr<Fiber> fiber;
  };

  void Block();  // the running activity waits until MakeReady
  void MakeReady(Activity* activity) { ready_.push_back(activity); }
  void RunInstant();  // all that is due now
  void RunReady();

  Seconds now_;
  EventQueue events_;
  std::vector<std::unique_ptr<Activity>> activities_;
  std::deque<Activity*> ready_;
  std::deque<Activity*> settling_;  // run when nothing else is due at this instant, one by one
  Activity* running_ = nullptr;
};

}  // namespace hat
