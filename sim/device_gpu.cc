#include "sim/device_gpu.h"

namespace hat {

Span DeviceGpu::Run(Operation& operation, Signal& done) {
  operation.span_.requested = world_.Now();
  operation.done_ = &done;
  if (is_idle()) {
    StartNow(operation);
  } else {
    waiting_.push_back(&operation);
  }
  done.Wait();
  return operation.span_;
}

void DeviceGpu::StartNow(Operation& operation) {
  running_ = &operation;
  operation.span_.start = world_.Now();
  operation.span_.end = current_end_ = operation.span_.start + operation.Latency();
  world_.CallAt(current_end_, [this, &operation] { OnEnd(operation); });
}

void DeviceGpu::OnEnd(Operation& ended) {
  running_ = nullptr;
  if (!waiting_.empty()) {
    Operation& next = *waiting_.front();
    waiting_.pop_front();
    StartNow(next);
  }
  ended.done_->Raise();
}

}  // namespace hat
