#include "runtime/convert/stored_values.h"

#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>

#include <fmt/format.h>

#include "core/error.h"
#include "runtime/convert/gguf_file.h"

namespace hat {
namespace {

// To the nearest, ties to even; what is beyond becomes infinite.
uint16_t ToBfloat16(float value) {
  const auto bits = std::bit_cast<uint32_t>(value);
  return static_cast<uint16_t>((bits + 0x7FFF + (bits >> 16 & 1)) >> 16);
}

uint16_t ToFloat16(float value) {
  const auto bits = std::bit_cast<uint32_t>(value);
  const auto sign = static_cast<uint16_t>(bits >> 16 & 0x8000);
  const float size = std::abs(value);
  if (size >= 65520.0F) return sign | 0x7C00;
  // In units of the last place there: 2^-24 below the smallest normal number, else 11 bits in all.
  const int exponent = size < 0x1p-14F ? -14 : std::ilogb(size);
  const auto units = static_cast<uint32_t>(std::nearbyint(std::ldexp(size, 10 - exponent)));
  const auto biased = static_cast<uint32_t>(exponent + 14) << 10;  // units have the leading one
  return static_cast<uint16_t>(sign | (biased + units));
}

}  // namespace

void ToFloats(StoredType type, std::span<const std::byte> bytes, std::span<float> values,
              const std::string& where) {
  HAT_CHECK(bytes.size() == values.size() * static_cast<size_t>(BytesPerElement(type)));
  const auto plain = [&](GgufType same) {
    Dequantize({same, {static_cast<int64_t>(values.size())}, bytes}, 0, values);
  };
  switch (type) {
    case StoredType::kFloat64:
      for (size_t i = 0; i < values.size(); ++i) {
        double value = 0;
        std::memcpy(&value, bytes.data() + i * sizeof value, sizeof value);
        values[i] = static_cast<float>(value);
      }
      return;
    case StoredType::kFloat32:
      return plain(GgufType::kF32);
    case StoredType::kFloat16:
      return plain(GgufType::kF16);
    case StoredType::kBfloat16:
      return plain(GgufType::kBf16);
    default:
      throw InputError(fmt::format("{} must be F64, F32, F16 or BF16, got {}", where, Name(type)));
  }
}

StoredType StoredTypeOf(Dtype dtype) {
  switch (dtype) {
    case Dtype::kFloat64:
      return StoredType::kFloat64;
    case Dtype::kFloat32:
      return StoredType::kFloat32;
    case Dtype::kFloat16:
      return StoredType::kFloat16;
    case Dtype::kBfloat16:
      return StoredType::kBfloat16;
  }
  HAT_CHECK(false, "a type of numbers");
}

std::vector<std::byte> InType(std::span<const float> values, Dtype dtype,
                              const std::string& where) {
  const auto bytes_each = static_cast<size_t>(BytesPerElement(StoredTypeOf(dtype)));
  std::vector<std::byte> bytes(values.size() * bytes_each);
  for (size_t i = 0; i < values.size(); ++i) {
    if (!std::isfinite(values[i])) throw InputError(where + " has a value that is NaN or infinite");
    std::byte* const to = bytes.data() + i * bytes_each;
    if (dtype == Dtype::kFloat32) {
      std::memcpy(to, &values[i], sizeof(float));
      continue;
    }
    const bool is_half = dtype == Dtype::kFloat16;
    const uint16_t word = is_half ? ToFloat16(values[i]) : ToBfloat16(values[i]);
    const int infinity = is_half ? 0x7C00 : 0x7F80;
    if ((word & 0x7FFF) >= infinity) {
      throw InputError(fmt::format("{} has {}, which is beyond {}; --dtype fp32 holds it", where,
                                   values[i], Name(dtype)));
    }
    std::memcpy(to, &word, sizeof word);
  }
  return bytes;
}

}  // namespace hat
