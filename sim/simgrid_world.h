// The engine on SimGrid: its clock, its actors, its flows. Timed callbacks wait in an
// EventQueue of our own: callbacks of one instant then run in order, and each costs less than a
// timer. Who moves the time on:
//   with shared links    SimGrid, with one timer armed for the first callback;
//   without              an actor of this world, the clock: once every activity waits, it runs the
//                        next instant's callbacks. SimGrid plays nothing then, so that asking it
//                        for each instant would be half the cost of a run. Its own clock lags
//                        behind Now() and is read by nobody; it catches up when an activity has
//                        ended, since only SimGrid's main loop frees an actor's stack.
//
// One SimGridWorld a process: SimGrid's clock carries over from one engine to the next.
#pragma once

#include <cstdint>
#include <deque>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/units.h"
#include "sim/engine.h"
#include "world/event_queue.h"

namespace simgrid::kernel::timer {
class Timer;
}
namespace simgrid::s4u {
class Actor;
}

namespace hat {

class SimGridWorld : public World, public Flows, public Engine {
 public:
  explicit SimGridWorld(const SharedPlatform* shared = nullptr);
  ~SimGridWorld() override;

  Seconds Now() const override { return now_; }
  void SleepUntil(Seconds t) override;
  void Settle() override;
  void CallAt(Seconds t, std::function<void()> callback) override;
  void Start(const std::string& name, std::function<void()> body) override;
  std::unique_ptr<Signal> MakeSignal() override;
  bool is_concurrent() const override { return false; }

  World& world() override { return *this; }
  Flows* flows() override { return has_flows_ ? this : nullptr; }
  void CallFirstAt(Seconds t, std::function<void()> callback) override;
  void Run(std::function<void()> main) override;
  std::optional<Seconds> next_callback() const override;

  void Transfer(Direction direction, int device, Bytes size,
                const std::function<void()>& on_start = {}) override;
  void SetBandwidth(Direction direction, int device, BytesPerSecond rate) override;

  // "SimGrid 3.32.0, network/model:CM02, ...": for the manifest.
  static std::string Description();

  // How many activities this machine can hold at once: each needs two memory maps
  // (vm.max_map_count).
  static int MaxActivities();

 private:
  class ActorSignal;
  struct Engine;

  void RunDue(Seconds until);  // runs the callbacks
  void Arm();
  void Fire();
  void RunClock();
  void LetSimGridCatchUp();
  void RunActivity(const std::function<void()>& body);
  // A wake-up or a start by an activity takes effect when that activity blocks or ends: SimGrid
  // would switch to another one at once, under whatever lock the first holds.
  void Resume(simgrid::s4u::Actor* actor);
  void RunDeferred();
  void Fail(std::exception_ptr error);  // ends the run
  void DropCallbacks();                 // and takes no more

  std::unique_ptr<Engine> engine_;
  bool has_flows_;
  Seconds now_;
  EventQueue events_;
  Seconds armed_ = Seconds::Infinity();  // when SimGrid's timer goes off
  simgrid::kernel::timer::Timer* timer_ = nullptr;
  std::vector<std::unique_ptr<ActorSignal>> idle_sleepers_;
  uint64_t callbacks_run_ = 0;
  bool is_firing_ = false;  // within RunDue(): in SimGrid's own context
  std::deque<std::function<void()>> deferred_;
  int activities_ = 0;
  int ready_ = 0;           // activities that do not wait
  bool has_trash_ = false;  // an activity has ended
  bool has_ended_ = false;
  std::exception_ptr error_;
};

}  // namespace hat
