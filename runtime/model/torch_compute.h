// Compute in torch's terms.
#pragma once

#include <cstdint>
#include <vector>

#include <ATen/core/Tensor.h>

#include "runtime/model/compute.h"

namespace hat {

at::ScalarType ScalarTypeOf(Dtype dtype);
at::Device DeviceOf(const Compute& compute);
at::TensorOptions OptionsOf(const Compute& compute);

// Host values on the compute's device, without waiting for it. [values.size()]
at::Tensor ToDevice(const std::vector<int64_t>& values, const Compute& compute);
at::Tensor BytesToDevice(const std::vector<uint8_t>& bytes, const Compute& compute);

// Logits as decisions read them: fp32, or fp64 as they are.
at::Tensor WideLogits(const at::Tensor& logits);

// Throws InputError if `error` says that memory ran out, else nothing.
void ThrowIfOutOfMemory(const c10::Error& error);

// What `work` returns; its running out of memory becomes an InputError.
template <typename Work>
auto WithMemoryErrors(const Work& work) {
  try {
    return work();
  } catch (const c10::Error& error) {
    ThrowIfOutOfMemory(error);
    throw;
  }
}

}  // namespace hat
