// The World port: time and concurrency, as protocol code sees them. The in-memory world
// (memory_world.h) supplies a virtual clock and fibers, for simulation too; the simulator's other
// world SimGrid's clock and actors, the live runtime steady_clock and threads.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "core/units.h"

namespace hat {

// A binary wake-up between activities: Raise() before Wait() is not lost, several Raise() count as
// one. One activity waits at a time.
class Signal {
 public:
  virtual ~Signal() = default;
  virtual void Raise() = 0;  // never blocks; allowed in a callback of World::CallAt
  virtual void Wait() = 0;
  virtual bool WaitUntil(Seconds deadline) = 0;  // false: the deadline came first
};

class World {
 public:
  virtual ~World() = default;

  virtual Seconds Now() const = 0;

  // Blocks the calling activity until Now() >= t; returns at once if that holds already.
  virtual void SleepUntil(Seconds t) = 0;

  // Blocks until everything else that is due at this instant has happened (arrivals and ends before
  // batch formation).
  virtual void Settle() = 0;

  // Calls `callback` at time t (at once, but never from within this call, if t has passed).
  // Callbacks of one instant run in the order of CallAt, before any activity that wakes at that
  // instant. A callback must not block.
  virtual void CallAt(Seconds t, std::function<void()> callback) = 0;

  // Starts an activity. It must not throw.
  virtual void Start(const std::string& name, std::function<void()> body) = 0;

  virtual std::unique_ptr<Signal> MakeSignal() = 0;

  // Whether activities and callbacks run at the same time, as threads do. Else they take turns,
  // and change only where one blocks.
  virtual bool is_concurrent() const { return true; }
};

}  // namespace hat
