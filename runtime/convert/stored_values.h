// Numbers as files store them, and as floats.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "core/dtype.h"
#include "runtime/model/safetensors.h"

namespace hat {

// `bytes` hold as many numbers of that type as there are values. Throws InputError, which `where`
// starts, for a type of no real numbers.
void ToFloats(StoredType type, std::span<const std::byte> bytes, std::span<float> values,
              const std::string& where);

StoredType StoredTypeOf(Dtype dtype);

// The values in fp32, fp16 or bf16, to the nearest, ties to even. Throws InputError for one that is
// not finite, or beyond the type.
std::vector<std::byte> InType(std::span<const float> values, Dtype dtype, const std::string& where);

}  // namespace hat
