// The World port on SimGrid: its clock, its actors, its flows. Timed callbacks wait in an
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
#include <string>
#include <vector>

#include "core/units.h"
#include "protocol/observer.h"
#include "world/event_queue.h"
#include "world/world.h"

namespace simgrid::kernel::timer {
class Timer;
}
namespace simgrid::s4u {
class Actor;
}

namespace hat {

// Bandwidths of the links that SimGrid itself plays (shared_links.h); without them the platform is
// one host.
struct SharedPlatform {
  struct DeviceLinks {
    BytesPerSecond up;  // at their highest; > 0
    BytesPerSecond down;
  };
  std::vector<DeviceLinks> devices;
  BytesPerSecond cell, ingress, egress;  // infinite: absent
};

class SimGridWorld : public World {
 public:
  explicit SimGridWorld(const SharedPlatform* shared = nullptr);
  ~SimGridWorld() override;

  Seconds Now() const override { return now_; }
  void SleepUntil(Seconds t) override;
  void Settle() override;
  void CallAt(Seconds t, std::function<void()> callback) override;
  // As CallAt, but before all of its callbacks at that instant.
  void CallFirstAt(Seconds t, std::function<void()> callback);
  void Start(const std::string& name, std::function<void()> body) override;
  std::unique_ptr<Signal> MakeSignal() override;

  // Runs `main` as an activity; returns when it has ended, other activities are then dropped.
  // Rethrows what an activity or a callback threw.
  void Run(std::function<void()> main);

  // Blocks the calling activity while `size` bytes travel as a flow from a device to the cloud, or
  // back. `on_start` is called when the flow has begun.
  void Transfer(Direction direction, int device, Bytes size,
                const std::function<void()>& on_start = {});

  // Changes the bandwidth of a device's link from now on; 0 stops its flow. SimGrid bounds a flow
  // by the lowest bandwidth on its way when it begins, and never lifts this bound: so let flows
  // begin at a link's highest rate and lower it in `on_start`.
  void SetBandwidth(Direction direction, int device, BytesPerSecond rate);

  bool has_callbacks() const { return !events_.empty(); }
  Seconds next_callback() const { return events_.next(); }

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
