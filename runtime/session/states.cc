#include "runtime/session/states.h"

#include <cstring>

#include <ATen/ATen.h>

#include "core/error.h"

namespace hat {

States EncodeStates(const at::Tensor& states, Dtype dtype) {
  const at::Tensor rounded = states.to(at::kCPU, ScalarTypeOf(dtype)).contiguous();  // [n, hidden]
  States bytes(rounded.nbytes());
  std::memcpy(bytes.data(), rounded.data_ptr(), bytes.size());
  return bytes;
}

void RequireFinite(const States& states, Dtype dtype) {
  // Values are looked at as they lie in the bytes: no wait for a GPU.
  const auto count = static_cast<int64_t>(states.size()) / BytesPerValue(dtype);
  auto* data = const_cast<std::byte*>(states.data());
  const at::Tensor values = at::from_blob(data, {count}, at::dtype(ScalarTypeOf(dtype)));
  if (at::isfinite(values).all().item<bool>()) return;
  throw RunError("a hidden state is not finite in " + Name(dtype) +
                 "; --wire-dtype bf16 or fp32 may hold it");
}

at::Tensor DecodeStates(const States& states, int hidden, Dtype dtype, const Compute& compute) {
  const size_t size_each = static_cast<size_t>(hidden) * static_cast<size_t>(BytesPerValue(dtype));
  if (states.empty() || states.size() % size_each != 0) {
    throw InputError("a frame of " + std::to_string(states.size()) + " bytes of states; each has " +
                     std::to_string(size_each));
  }
  const auto count = static_cast<int64_t>(states.size() / size_each);
  const at::Device device = DeviceOf(compute);
  const auto options = at::dtype(ScalarTypeOf(dtype)).pinned_memory(device.is_cuda());
  const at::Tensor decoded = at::empty({count, hidden}, options);
  std::memcpy(decoded.data_ptr(), states.data(), states.size());
  return decoded.to(device, /*non_blocking=*/true).to(ScalarTypeOf(compute.dtype));
}

at::Tensor RoundToWire(const at::Tensor& states, Dtype dtype) {
  return states.to(ScalarTypeOf(dtype)).to(states.scalar_type());
}

}  // namespace hat
