// A processor (a device's GPU) as a FIFO of operations, one at a time. What an operation is may be
// virtual (a latency), paced (work that lasts at least a given time), or real (work that lasts as
// long as it lasts); one queue takes all of them.
#pragma once

#include <deque>
#include <exception>
#include <functional>
#include <mutex>
#include <optional>
#include <vector>

#include "world/span.h"
#include "world/world.h"
#include "world/world_mutex.h"

namespace hat {

class ComputeQueue {
 public:
  // A virtual operation; lives with the activity that waits for it.
  class Operation {
   public:
    virtual ~Operation() = default;
    // How long it lasts, > 0. Asked for once, when the operation gets the processor: what it
    // depends on may change while it waits. Must not block; nor may it call this queue.
    virtual Seconds Latency() = 0;
    // Asked just before Latency(), of each operation that waits, in their order. True: `other` runs
    // together with this one, starts and ends with it. Must not block either. Only where no
    // activity that waits is ended before the world is: one that leads would leave those that
    // joined it.
    virtual bool Takes(Operation& /*other*/) { return false; }

   private:
    friend class ComputeQueue;
    Span span_;
    Signal* signal_ = nullptr;
    bool is_work_ = false;
    std::exception_ptr failure_;
    std::vector<Operation*> joined_;
  };

  explicit ComputeQueue(World& world) : world_(world), mutex_(world) {}

  // Queues the operation and blocks until it has ended. `signal` is the caller's own. Throws what
  // Latency() throws; the operation has then lasted no time.
  Span Run(Operation& operation, Signal& signal);
  Span Run(std::function<Seconds()> latency);

  // Work that the calling activity does itself when the processor is its own, from `start` on:
  // `work` returns for how long it holds the processor at least, on the world's clock. What it
  // throws comes through; the processor is free then.
  Span Work(const std::function<Seconds(Seconds start)>& work);

  // Blocks until no operation runs or waits; false as soon as `may_go_on` says so. `may_go_on(t)`
  // blocks until t has come (true) or a reason to go on no longer (false). An activity that waits
  // here holds no place in the queue.
  bool WaitUntilIdle(const std::function<bool(Seconds until)>& may_go_on);

 private:
  class Turn;

  bool Begin(Operation& operation);  // under the mutex; false: it has failed
  void Join(Operation& operation);   // likewise
  static void RaiseAll(Operation& operation);
  void StartNext();                          // likewise
  std::optional<Seconds> BusyUntil() const;  // none: idle
  void Forget(Operation& operation);
  void OnEnd(Operation& operation);

  World& world_;
  mutable WorldMutex mutex_;  // of everything below
  Operation* running_ = nullptr;
  std::optional<Seconds> current_end_;  // none: work, whose end is not known yet
  std::deque<Operation*> waiting_;
};

}  // namespace hat
