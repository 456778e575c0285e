// How long an operation of the live world lasts: as long as its work, or longer, where it imitates
// other hardware. Free of torch.
#pragma once

#include <functional>

#include "experiments/hardware/device_operation.h"
#include "protocol/observer.h"

namespace hat {

// Of a device's operations. Its sessions share it; it is asked by the one that has the GPU.
class DevicePace {
 public:
  virtual ~DevicePace() = default;
  // Calls `work`, which is what the operation computes. It got the GPU at `start`; returns for how
  // long from then on it holds it at least. What `work` throws comes through.
  virtual Seconds Run(const DeviceOperation& operation, Seconds start,
                      const std::function<void()>& work) = 0;
};

// Of a cloud replica's stages. Each stage may be a thread.
class StagePace {
 public:
  virtual ~StagePace() = default;
  // Likewise; the batch entered the stage at `start`.
  virtual Seconds Run(int stage, const Batch& batch, Seconds start,
                      const std::function<void()>& work) = 0;
  // As CloudCompute::CrossStageLink.
  virtual Seconds CrossStageLink(Seconds now, const Batch& /*batch*/) { return now; }
};

// At least `each`, and `per_token` for each token. Without them: as long as the work.
class ConstantPace : public DevicePace, public StagePace {
 public:
  explicit ConstantPace(Seconds each = {}, Seconds per_token = {})
      : each_(each), per_token_(per_token) {}

  Seconds Run(const DeviceOperation& operation, Seconds /*start*/,
              const std::function<void()>& work) override {
    work();
    return each_ + per_token_ * operation.tokens;
  }
  Seconds Run(int /*stage*/, const Batch& batch, Seconds /*start*/,
              const std::function<void()>& work) override {
    work();
    return each_ + per_token_ * batch.tokens;
  }

 private:
  Seconds each_, per_token_;
};

}  // namespace hat
