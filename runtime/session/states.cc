#include "runtime/session/states.h"

#include <cstring>
#include <string>

#include <ATen/ATen.h>

#include "core/error.h"

namespace hat {
namespace {

size_t ValueBytes(const StateFormat& format) {
  return static_cast<size_t>(format.hidden) * static_cast<size_t>(BytesPerValue(format.dtype));
}

// A piece of `size` bytes from every `from_step` to every `to_step`.
void CopyPieces(const std::byte* from, size_t from_step, std::byte* to, size_t to_step, size_t size,
                int64_t pieces) {
  if (from_step == size && to_step == size) {
    std::memcpy(to, from, size * static_cast<size_t>(pieces));
    return;
  }
  for (; pieces > 0; --pieces, from += from_step, to += to_step) std::memcpy(to, from, size);
}

// A value is finite unless all bits of its exponent are set.
template <class Word>
bool HaveFiniteExponents(const States& states, const StateFormat& format, Word exponent) {
  bool are_finite = true;
  for (size_t row = 0; row + format.bytes <= states.size(); row += format.bytes) {
    const std::byte* const values = states.data() + row;
    for (size_t at = 0; at < ValueBytes(format); at += sizeof(Word)) {
      Word word = 0;
      std::memcpy(&word, values + at, sizeof word);
      are_finite &= (word & exponent) != exponent;
    }
  }
  return are_finite;
}

}  // namespace

StateFormat::StateFormat(Dtype the_dtype, int the_hidden, int64_t the_bytes)
    : dtype(the_dtype), hidden(the_hidden), bytes(static_cast<size_t>(the_bytes)) {
  if (the_bytes == 0) bytes = ValueBytes(*this);
  const auto value = static_cast<size_t>(BytesPerValue(dtype));
  if (ValueBytes(*this) <= bytes && bytes % value == 0) return;
  throw InputError("a state in a frame needs at least " + std::to_string(ValueBytes(*this)) +
                   " bytes, " + std::to_string(hidden) + " values in " + Name(dtype) +
                   ", or more by whole values; the frame has " + std::to_string(bytes));
}

States EncodeStates(const at::Tensor& states, const StateFormat& format) {
  HAT_CHECK(states.size(1) == format.hidden);
  const at::Tensor rounded =
      states.to(at::kCPU, ScalarTypeOf(format.dtype)).contiguous();  // [n, hidden]
  States bytes(static_cast<size_t>(rounded.size(0)) * format.bytes);
  CopyPieces(static_cast<const std::byte*>(rounded.data_ptr()), ValueBytes(format), bytes.data(),
             format.bytes, ValueBytes(format), rounded.size(0));
  return bytes;
}

// Values are looked at as they lie in the bytes: no wait for a GPU, no threads of torch's.
bool AreFinite(const States& states, const StateFormat& format) {
  switch (format.dtype) {
    case Dtype::kFloat64:
      return HaveFiniteExponents(states, format, uint64_t{0x7ff0'0000'0000'0000});
    case Dtype::kFloat32:
      return HaveFiniteExponents(states, format, uint32_t{0x7f80'0000});
    case Dtype::kFloat16:
      return HaveFiniteExponents(states, format, uint16_t{0x7c00});
    case Dtype::kBfloat16:
      return HaveFiniteExponents(states, format, uint16_t{0x7f80});
  }
  HAT_CHECK(false);
}

void RequireFinite(const States& states, const StateFormat& format) {
  if (AreFinite(states, format)) return;
  throw RunError("a hidden state is not finite in " + Name(format.dtype) +
                 "; --wire-dtype bf16 or fp32 may hold it");
}

at::Tensor DecodeStates(const States& states, const StateFormat& format, const Compute& compute) {
  if (states.empty() || states.size() % format.bytes != 0) {
    throw InputError("a frame of " + std::to_string(states.size()) + " bytes of states; each has " +
                     std::to_string(format.bytes));
  }
  const auto count = static_cast<int64_t>(states.size() / format.bytes);
  const at::Device device = DeviceOf(compute);
  const auto options = at::dtype(ScalarTypeOf(format.dtype)).pinned_memory(device.is_cuda());
  const at::Tensor decoded = at::empty({count, format.hidden}, options);
  CopyPieces(states.data(), format.bytes, static_cast<std::byte*>(decoded.data_ptr()),
             ValueBytes(format), ValueBytes(format), count);
  return decoded.to(device, /*non_blocking=*/true).to(ScalarTypeOf(compute.dtype));
}

at::Tensor RoundToWire(const at::Tensor& states, Dtype dtype) {
  return states.to(ScalarTypeOf(dtype)).to(states.scalar_type());
}

}  // namespace hat
