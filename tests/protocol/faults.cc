#include "tests/protocol/faults.h"

#include <stdexcept>

namespace hat {

void FailingCloudCompute::RunStage(int stage, Batch& batch) {
  if (calls_++ == fails_at_) {
    if (on_failure_) on_failure_(batch);
    if (is_late_) world_.SleepUntil(world_.Now() + Milliseconds(3));
    throw std::runtime_error("a stage cannot compute");
  }
  compute_.RunStage(stage, batch);
}

}  // namespace hat
