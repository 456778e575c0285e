// The blocks of ggml (ggml-common.h has their layout; Q4_0 to Q8_0 hold 32 values, the K kinds
// 256).
#include <array>
#include <bit>
#include <cmath>
#include <cstring>

#include "core/error.h"
#include "runtime/convert/gguf_file.h"

namespace hat {
namespace {

using Block = const uint8_t*;

uint16_t Word(Block at) { return static_cast<uint16_t>(at[0] | at[1] << 8); }

float Half(Block at) {
  const uint16_t bits = Word(at);
  const int exponent = bits >> 10 & 31;
  const int fraction = bits & 1023;
  const float sign = bits & 0x8000 ? -1.0F : 1.0F;
  if (exponent == 31) return fraction ? NAN : sign * INFINITY;
  if (exponent == 0) return sign * std::ldexp(static_cast<float>(fraction), -24);
  return sign * std::ldexp(static_cast<float>(fraction + 1024), exponent - 25);
}

float Single(Block at) {
  float value = 0;
  std::memcpy(&value, at, sizeof value);
  return value;
}

// 32 values of 4 bits: of byte i the low half is value i, the high half value i + 16; with `high`,
// a fifth bit each, value i's at i.
std::array<int, 32> Nibbles(Block quants, uint32_t high = 0) {
  std::array<int, 32> values;
  for (int i = 0; i < 16; ++i) {
    values[i] = (quants[i] & 15) | static_cast<int>(high >> i & 1) << 4;
    values[i + 16] = quants[i] >> 4 | static_cast<int>(high >> (i + 16) & 1) << 4;
  }
  return values;
}

uint32_t HighBits(Block at) {
  uint32_t bits = 0;
  std::memcpy(&bits, at, sizeof bits);
  return bits;
}

// scale (value - middle)
void Centred(const std::array<int, 32>& values, float scale, int middle, float* out) {
  for (int i = 0; i < 32; ++i) out[i] = scale * static_cast<float>(values[i] - middle);
}

// scale value + least
void FromLeast(const std::array<int, 32>& values, float scale, float least, float* out) {
  for (int i = 0; i < 32; ++i) out[i] = scale * static_cast<float>(values[i]) + least;
}

// Q4_K and Q5_K: eight groups of 32, each with a scale and an offset of 6 bits, packed in 12 bytes.
struct GroupScale {
  int scale, offset;
};
GroupScale ScaleOf(Block packed, int group) {
  if (group < 4) return {packed[group] & 63, packed[group + 4] & 63};
  const int low = packed[group + 4];
  return {(low & 15) | packed[group - 4] >> 6 << 4, low >> 4 | packed[group] >> 6 << 4};
}

// `high`: 32 bytes with a fifth bit for each group (Q5_K), or null.
void Grouped(Block block, Block high, Block quants, float* out) {
  const float scale = Half(block);
  const float offset = Half(block + 2);
  for (int group = 0; group < 8; ++group) {
    const GroupScale of_group = ScaleOf(block + 4, group);
    const float d = scale * static_cast<float>(of_group.scale);
    const float m = offset * static_cast<float>(of_group.offset);
    const Block bytes = quants + group / 2 * 32;  // two groups share 32 bytes
    for (int i = 0; i < 32; ++i) {
      const int low = group % 2 == 0 ? bytes[i] & 15 : bytes[i] >> 4;
      const int fifth = high && (high[i] >> group & 1) ? 16 : 0;
      *out++ = d * static_cast<float>(low + fifth) - m;
    }
  }
}

// Q6_K: two halves of 128; of each 64 bytes with the low four bits, 32 with the high two.
void SixBits(Block block, float* out) {
  const Block high_bits = block + 128;
  const auto* const scales = reinterpret_cast<const int8_t*>(block + 192);
  const float scale = Half(block + 208);
  for (int i = 0; i < 256; ++i) {
    const int half = i / 128;
    const int row = i % 128 / 32;  // of 32 values that share the bytes' same bits
    const int column = i % 32;
    const int byte = block[half * 64 + row % 2 * 32 + column];
    const int low = row < 2 ? byte & 15 : byte >> 4;
    const int high = high_bits[half * 32 + column] >> (2 * row) & 3;
    out[i] =
        scale * static_cast<float>(scales[i / 16]) * static_cast<float>((low | high << 4) - 32);
  }
}

void OneBlock(GgufType type, Block block, float* out) {
  switch (type) {
    case GgufType::kF32:
      *out = Single(block);
      return;
    case GgufType::kF16:
      *out = Half(block);
      return;
    case GgufType::kBf16:
      *out = std::bit_cast<float>(uint32_t{Word(block)} << 16);
      return;
    case GgufType::kQ4_0:
      return Centred(Nibbles(block + 2), Half(block), 8, out);
    case GgufType::kQ4_1:
      return FromLeast(Nibbles(block + 4), Half(block), Half(block + 2), out);
    case GgufType::kQ5_0:
      return Centred(Nibbles(block + 6, HighBits(block + 2)), Half(block), 16, out);
    case GgufType::kQ5_1:
      return FromLeast(Nibbles(block + 8, HighBits(block + 4)), Half(block), Half(block + 2), out);
    case GgufType::kQ8_0:
      for (int i = 0; i < 32; ++i) {
        out[i] = Half(block) * static_cast<float>(static_cast<int8_t>(block[2 + i]));
      }
      return;
    case GgufType::kQ4_K:
      return Grouped(block, nullptr, block + 16, out);
    case GgufType::kQ5_K:
      return Grouped(block, block + 16, block + 48, out);
    case GgufType::kQ6_K:
      return SixBits(block, out);
  }
}

}  // namespace

void Dequantize(const GgufTensor& tensor, int64_t first, std::span<float> values) {
  const GgufBlock block = BlockOf(tensor.type);
  const auto count = static_cast<int64_t>(values.size());
  HAT_CHECK(first % block.values == 0 && count % block.values == 0);
  HAT_CHECK(first >= 0 && first + count <= tensor.size());
  const auto* bytes =
      reinterpret_cast<Block>(tensor.bytes.data()) + first / block.values * block.bytes;
  for (int64_t done = 0; done < count; done += block.values, bytes += block.bytes) {
    OneBlock(tensor.type, bytes, values.data() + done);
  }
}

}  // namespace hat
