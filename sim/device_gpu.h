// A device's GPU: a FIFO of operations, one at a time. An operation's latency is asked for when it
// starts, since the device's power mode may have changed while it waited.
#pragma once

#include <deque>

#include "protocol/observer.h"
#include "world/world.h"

namespace hat {

class DeviceGpu {
 public:
  // One operation; lives with the activity that waits for it.
  class Operation {
   public:
    virtual ~Operation() = default;
    virtual Seconds Latency() = 0;  // > 0; called once, at the start

   private:
    friend class DeviceGpu;
    Span span_;
    Signal* done_ = nullptr;
  };

  explicit DeviceGpu(World& world) : world_(world) {}

  // Queues the operation and blocks until it has ended; `done` is the caller's own signal.
  Span Run(Operation& operation, Signal& done);

  bool is_idle() const { return running_ == nullptr; }
  Seconds current_end() const { return current_end_; }  // of the running operation

 private:
  void StartNow(Operation& operation);
  void OnEnd(Operation& ended);

  World& world_;
  Operation* running_ = nullptr;
  Seconds current_end_;
  std::deque<Operation*> waiting_;
};

}  // namespace hat
