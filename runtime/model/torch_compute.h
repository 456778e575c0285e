// Compute in torch's terms.
#pragma once

#include <vector>

#include <ATen/core/Tensor.h>

#include "runtime/model/compute.h"

namespace hat {

at::ScalarType ScalarTypeOf(Dtype dtype);
at::Device DeviceOf(const Compute& compute);
at::TensorOptions OptionsOf(const Compute& compute);

// Host values on the compute's device, without waiting for it. [values.size()]
at::Tensor ToDevice(const std::vector<int64_t>& values, const Compute& compute);

}  // namespace hat
