#include "runtime/convert/import.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/files.h"
#include "runtime/model/checkpoint.h"
#include "runtime/model/safetensors.h"

namespace hat {
namespace {

constexpr size_t kPartBytes = size_t{2} << 30;

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

// The values as they are stored; throws InputError for one that the type does not hold.
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

struct Part {
  std::vector<std::string> names;
  size_t bytes = 0;
};

std::vector<Part> PartsOf(const ModelConfig& config, Dtype dtype) {
  std::vector<Part> parts(1);
  for (const auto& [name, shape] : TensorShapes(config)) {
    size_t bytes = static_cast<size_t>(BytesPerElement(StoredTypeOf(dtype)));
    for (const int64_t extent : shape) bytes *= static_cast<size_t>(extent);
    if (parts.back().bytes > 0 && parts.back().bytes + bytes > kPartBytes) parts.emplace_back();
    parts.back().names.push_back(name);
    parts.back().bytes += bytes;
  }
  return parts;
}

}  // namespace

void WriteImport(const ImportedModel& model, Dtype dtype, const std::string& folder, bool replace,
                 const std::string& from, const ImportProgress& progress) {
  ResultFolder out(folder, replace);
  const auto shapes = TensorShapes(model.config());
  const std::vector<Part> parts = PartsOf(model.config(), dtype);
  nlohmann::json index = {{"metadata", nlohmann::json::object()}};
  size_t all_bytes = 0, done = 0;
  for (size_t i = 0; i < parts.size(); ++i) {
    const std::string file =
        parts.size() == 1 ? "model.safetensors"
                          : fmt::format("model-{:05}-of-{:05}.safetensors", i + 1, parts.size());
    std::map<std::string, std::vector<std::byte>> bytes;
    std::map<std::string, StoredTensor> tensors;
    for (const std::string& name : parts[i].names) {
      const std::vector<int64_t>& shape = shapes.at(name);
      size_t count = 1;
      for (const int64_t extent : shape) count *= static_cast<size_t>(extent);
      std::vector<float> values(count);
      model.Read(name, values);
      bytes[name] = InType(values, dtype, fmt::format("{}: '{}'", from, name));
      tensors[name] = {StoredTypeOf(dtype), shape, bytes[name]};
      index["weight_map"][name] = file;
      if (!progress(++done, shapes.size())) throw RunError("interrupted");
    }
    WriteSafetensors(out.staging() + "/" + file, tensors, {{"format", "pt"}});
    all_bytes += parts[i].bytes;
  }
  index["metadata"]["total_size"] = all_bytes;
  if (parts.size() > 1) out.Write("model.safetensors.index.json", index.dump(2) + "\n");
  ModelConfig config = model.config();
  config.dtype = dtype;
  out.Write("config.json", ConfigJson(config));
  for (const auto& [name, content] : model.OtherFiles()) out.Write(name, content);
  const nlohmann::json manifest = {{"imported_from", from}, {"commit", BuildCommit()}};
  out.Write("manifest.json", manifest.dump(2) + "\n");
  out.Commit();
}

}  // namespace hat
