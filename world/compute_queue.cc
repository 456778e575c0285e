#include "world/compute_queue.h"

#include <algorithm>
#include <utility>

namespace hat {
namespace {

// How often one who waits for work of unknown end looks again.
constexpr Seconds kLookAgain = Milliseconds(1);

}  // namespace

// The place in the queue of work that its activity does itself.
class ComputeQueue::Turn : public ComputeQueue::Operation {
 public:
  Turn() { is_work_ = true; }
  Seconds Latency() override { return {}; }  // not asked for
};

Span ComputeQueue::Run(Operation& operation, Signal& signal) {
  {
    const std::lock_guard lock(mutex_);
    operation.span_.requested = world_.Now();
    operation.signal_ = &signal;
    if (running_ == nullptr) {
      Begin(operation);
    } else {
      waiting_.push_back(&operation);
    }
  }
  try {
    signal.Wait();
  } catch (...) {  // the activity is ended while it waits
    Forget(operation);
    throw;
  }
  if (operation.failure_) std::rethrow_exception(operation.failure_);
  return operation.span_;
}

void ComputeQueue::Forget(Operation& operation) {
  const std::lock_guard lock(mutex_);
  std::erase(waiting_, &operation);
  if (running_ == &operation) {
    running_ = nullptr;
  } else if (running_ != nullptr) {
    std::erase(running_->joined_, &operation);
  }
}

bool ComputeQueue::Begin(Operation& operation) {
  operation.span_.start = world_.Now();
  if (operation.is_work_) {
    running_ = &operation;
    current_end_.reset();
    operation.signal_->Raise();
    return true;
  }
  Join(operation);
  try {
    operation.span_.end = operation.span_.start + operation.Latency();
  } catch (const std::exception&) {
    operation.failure_ = std::current_exception();
  }
  for (Operation* other : operation.joined_) {
    other->span_ = {other->span_.requested, operation.span_.start, operation.span_.end, true};
    other->failure_ = operation.failure_;
  }
  if (operation.failure_) {
    RaiseAll(operation);
    return false;
  }
  running_ = &operation;
  current_end_ = operation.span_.end;
  world_.CallAt(*current_end_, [this, &operation] { OnEnd(operation); });
  return true;
}

void ComputeQueue::Join(Operation& operation) {
  std::erase_if(waiting_, [&](Operation* other) {
    const bool joins = !other->is_work_ && operation.Takes(*other);
    if (joins) operation.joined_.push_back(other);
    return joins;
  });
}

// Once it is woken, the operation may be gone.
void ComputeQueue::RaiseAll(Operation& operation) {
  const std::vector<Operation*> joined = std::move(operation.joined_);
  operation.signal_->Raise();
  for (Operation* other : joined) other->signal_->Raise();
}

void ComputeQueue::StartNext() {
  running_ = nullptr;
  while (!waiting_.empty()) {
    Operation& next = *waiting_.front();
    waiting_.pop_front();
    if (Begin(next)) return;
  }
}

void ComputeQueue::OnEnd(Operation& operation) {
  {
    const std::lock_guard lock(mutex_);
    StartNext();
  }
  RaiseAll(operation);
}

Span ComputeQueue::Run(std::function<Seconds()> latency) {
  class Virtual : public Operation {
   public:
    explicit Virtual(std::function<Seconds()> latency) : latency_(std::move(latency)) {}
    Seconds Latency() override { return latency_(); }

   private:
    std::function<Seconds()> latency_;
  };
  Virtual operation(std::move(latency));
  return Run(operation, *world_.MakeSignal());
}

Span ComputeQueue::Work(const std::function<Seconds(Seconds start)>& work) {
  Turn turn;
  Span span = Run(turn, *world_.MakeSignal());
  struct Release {
    ComputeQueue& queue;
    ~Release() {
      const std::lock_guard lock(queue.mutex_);
      queue.StartNext();
    }
  } release{*this};
  const Seconds end = std::max(span.start + work(span.start), world_.Now());
  {
    const std::lock_guard lock(mutex_);
    current_end_ = end;
  }
  world_.SleepUntil(end);
  span.end = world_.Now();
  return span;
}

std::optional<Seconds> ComputeQueue::BusyUntil() const {
  const std::lock_guard lock(mutex_);
  if (running_ == nullptr) return std::nullopt;
  return current_end_ ? *current_end_ : world_.Now() + kLookAgain;
}

bool ComputeQueue::WaitUntilIdle(const std::function<bool(Seconds until)>& may_go_on) {
  // When the current operation ends, one that waits starts in its place: then look again.
  for (;;) {
    const std::optional<Seconds> busy_until = BusyUntil();
    if (!may_go_on(busy_until.value_or(Seconds(0)))) return false;
    if (!BusyUntil()) return true;
    if (busy_until && *busy_until <= world_.Now()) world_.Settle();  // it is just about to end
  }
}

}  // namespace hat
