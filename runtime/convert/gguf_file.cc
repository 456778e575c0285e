#include "runtime/convert/gguf_file.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/error.h"
#include "core/utf8.h"

namespace hat {
namespace {

static_assert(std::endian::native == std::endian::little, "the format is little-endian");

// The format's numbers for the types of values.
enum class ValueType : uint32_t {
  kU8,
  kI8,
  kU16,
  kI16,
  kU32,
  kI32,
  kF32,
  kBool,
  kString,
  kList,
  kU64,
  kI64,
  kF64
};

struct Stored {
  uint32_t number;  // in a file
  const char* name;
  int values, bytes;  // of a block
};
// In the order of GgufType: ggml's types (ggml.h, ggml-common.h).
constexpr Stored kTypes[] = {{0, "F32", 1, 4},       {1, "F16", 1, 2},      {30, "BF16", 1, 2},
                             {2, "Q4_0", 32, 18},    {3, "Q4_1", 32, 20},   {6, "Q5_0", 32, 22},
                             {7, "Q5_1", 32, 24},    {8, "Q8_0", 32, 34},   {12, "Q4_K", 256, 144},
                             {13, "Q5_K", 256, 176}, {14, "Q6_K", 256, 210}};
// What else there is, for messages.
constexpr std::pair<uint32_t, const char*> kOtherTypes[] = {
    {9, "Q8_1"},     {10, "Q2_K"},  {11, "Q3_K"},   {15, "Q8_K"},  {16, "IQ2_XXS"}, {17, "IQ2_XS"},
    {18, "IQ3_XXS"}, {19, "IQ1_S"}, {20, "IQ4_NL"}, {21, "IQ3_S"}, {22, "IQ2_S"},   {23, "IQ4_XS"},
    {24, "I8"},      {25, "I16"},   {26, "I32"},    {27, "I64"},   {28, "F64"},     {29, "IQ1_M"},
    {34, "TQ1_0"},   {35, "TQ2_0"}, {39, "MXFP4"}};

constexpr uint64_t kMostDimensions = 4;

// Takes a file's parts in order. A file that ends before is refused.
class Reader {
 public:
  Reader(std::span<const std::byte> file, const std::string& name) : file_(file), name_(name) {}

  template <typename T>
  T Take() {
    T value;
    std::memcpy(&value, Bytes(sizeof value).data(), sizeof value);
    return value;
  }

  std::string TakeText() {
    const auto length = Take<uint64_t>();
    const auto bytes = Bytes(length);
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  }

  // How many there are of something that takes `least` bytes each; no more than fit.
  uint64_t TakeCount(const char* of, uint64_t least) {
    const auto count = Take<uint64_t>();
    if (count <= (file_.size() - at_) / least) return count;
    throw InputError(fmt::format("{}: cut off, or no GGUF: {} {} in a file of {} bytes", name_,
                                 count, of, file_.size()));
  }

  size_t at() const { return at_; }

 private:
  std::span<const std::byte> Bytes(uint64_t count) {
    if (count > file_.size() - at_) {
      throw InputError(fmt::format("{}: cut off, or no GGUF: {} bytes wanted at {} of {}", name_,
                                   count, at_, file_.size()));
    }
    const auto bytes = file_.subspan(at_, static_cast<size_t>(count));
    at_ += bytes.size();
    return bytes;
  }

  std::span<const std::byte> file_;
  const std::string& name_;
  size_t at_ = 0;
};

// Of a number; nothing for text and lists.
int BytesOf(ValueType type) {
  switch (type) {
    case ValueType::kU8:
    case ValueType::kI8:
    case ValueType::kBool:
      return 1;
    case ValueType::kU16:
    case ValueType::kI16:
      return 2;
    case ValueType::kU32:
    case ValueType::kI32:
    case ValueType::kF32:
      return 4;
    case ValueType::kU64:
    case ValueType::kI64:
    case ValueType::kF64:
      return 8;
    case ValueType::kString:
    case ValueType::kList:
      break;
  }
  return 0;
}

bool IsReal(ValueType type) { return type == ValueType::kF32 || type == ValueType::kF64; }

// A number of any type but a real one; unsigned ones beyond int64 become negative, which no use
// allows.
int64_t TakeInteger(Reader& reader, ValueType type) {
  switch (type) {
    case ValueType::kU8:
    case ValueType::kBool:
      return reader.Take<uint8_t>();
    case ValueType::kI8:
      return reader.Take<int8_t>();
    case ValueType::kU16:
      return reader.Take<uint16_t>();
    case ValueType::kI16:
      return reader.Take<int16_t>();
    case ValueType::kU32:
      return reader.Take<uint32_t>();
    case ValueType::kI32:
      return reader.Take<int32_t>();
    case ValueType::kU64:
    case ValueType::kI64:
      return reader.Take<int64_t>();
    default:
      HAT_CHECK(false, "no integer");
  }
}

double TakeReal(Reader& reader, ValueType type) {
  return type == ValueType::kF32 ? double{reader.Take<float>()} : reader.Take<double>();
}

GgufValue TakeList(Reader& reader, const std::string& where) {
  const auto type = static_cast<ValueType>(reader.Take<uint32_t>());
  if (type == ValueType::kString) {
    std::vector<std::string> texts(reader.TakeCount("texts", sizeof(uint64_t)));
    for (std::string& text : texts) text = reader.TakeText();
    return texts;
  }
  const int bytes = BytesOf(type);
  if (bytes == 0) throw InputError(where + " is a list of a type that is not known here");
  std::vector<double> numbers(reader.TakeCount("numbers", static_cast<uint64_t>(bytes)));
  for (double& number : numbers) {
    number = IsReal(type) ? TakeReal(reader, type) : static_cast<double>(TakeInteger(reader, type));
  }
  return numbers;
}

GgufValue TakeValue(Reader& reader, const std::string& where) {
  const auto type = static_cast<ValueType>(reader.Take<uint32_t>());
  if (type == ValueType::kString) return reader.TakeText();
  if (type == ValueType::kList) return TakeList(reader, where);
  if (IsReal(type)) return TakeReal(reader, type);
  if (BytesOf(type) == 0) throw InputError(where + " is of a type that is not known here");
  return TakeInteger(reader, type);
}

GgufType TypeOf(uint32_t number, const std::string& where) {
  const auto* const known = std::ranges::find(kTypes, number, &Stored::number);
  if (known != std::end(kTypes)) return static_cast<GgufType>(known - kTypes);
  const auto* const other =
      std::ranges::find(kOtherTypes, number, &std::pair<uint32_t, const char*>::first);
  std::vector<std::string> names;
  for (const Stored& type : kTypes) names.emplace_back(type.name);
  throw InputError(
      fmt::format("{} is stored as {}, which is not read; those that are: {}", where,
                  other == std::end(kOtherTypes) ? fmt::format("type {}", number) : other->second,
                  fmt::join(names, ", ")));
}

struct Placed {
  GgufTensor tensor;
  uint64_t offset = 0;  // in the data
  uint64_t bytes = 0;
};

Placed TakeTensor(Reader& reader, const std::string& where) {
  Placed placed;
  const auto dimensions = reader.Take<uint32_t>();
  if (dimensions == 0 || dimensions > kMostDimensions) {
    throw InputError(fmt::format("{} has {} dimensions, 1 to {} are possible", where, dimensions,
                                 kMostDimensions));
  }
  unsigned __int128 size = 1;
  for (uint32_t i = 0; i < dimensions; ++i) {
    const auto extent = reader.Take<uint64_t>();
    size *= extent;
    if (extent == 0 || size > uint64_t{1} << 48) {
      throw InputError(fmt::format("{} has an impossible extent, {}", where, extent));
    }
    placed.tensor.shape.insert(placed.tensor.shape.begin(), static_cast<int64_t>(extent));
  }
  placed.tensor.type = TypeOf(reader.Take<uint32_t>(), where);
  placed.offset = reader.Take<uint64_t>();
  const GgufBlock block = BlockOf(placed.tensor.type);
  if (placed.tensor.shape.back() % block.values != 0) {
    throw InputError(fmt::format("{} has rows of {} values, no multiple of the {} of a block of {}",
                                 where, placed.tensor.shape.back(), block.values,
                                 Name(placed.tensor.type)));
  }
  placed.bytes = static_cast<uint64_t>(size) / static_cast<uint64_t>(block.values) *
                 static_cast<uint64_t>(block.bytes);
  return placed;
}

// Tensors must lie within the data, in no other's bytes.
void Place(std::map<std::string, Placed>& tensors, std::span<const std::byte> data,
           const std::string& name) {
  std::vector<std::pair<uint64_t, uint64_t>> ranges;
  for (auto& [key, placed] : tensors) {
    if (placed.offset > data.size() || placed.bytes > data.size() - placed.offset) {
      throw InputError(fmt::format("{}: cut off: '{}' ends at byte {} of the data, which has {}",
                                   name, key, placed.offset + placed.bytes, data.size()));
    }
    placed.tensor.bytes =
        data.subspan(static_cast<size_t>(placed.offset), static_cast<size_t>(placed.bytes));
    ranges.emplace_back(placed.offset, placed.offset + placed.bytes);
  }
  std::ranges::sort(ranges);
  for (size_t i = 1; i < ranges.size(); ++i) {
    if (ranges[i].first < ranges[i - 1].second) {
      throw InputError(
          fmt::format("{}: tensors overlap at byte {} of the data", name, ranges[i].first));
    }
  }
}

}  // namespace

GgufBlock BlockOf(GgufType type) {
  const Stored& stored = kTypes[static_cast<int>(type)];
  return {stored.values, stored.bytes};
}

std::string Name(GgufType type) { return kTypes[static_cast<int>(type)].name; }

int64_t GgufTensor::size() const {
  int64_t size = 1;
  for (const int64_t extent : shape) size *= extent;
  return size;
}

GgufContent::GgufContent(std::span<const std::byte> file, const std::string& name) : name_(name) {
  constexpr uint32_t kMagic = 0x46554747;  // "GGUF"
  constexpr uint64_t kLeastTensorBytes = 32, kLeastValueBytes = 13;
  Reader reader(file, name);
  if (file.size() < 2 * sizeof kMagic || reader.Take<uint32_t>() != kMagic) {
    throw InputError(name + ": no GGUF file: it does not begin with \"GGUF\"");
  }
  const auto version = reader.Take<uint32_t>();
  if (version != 2 && version != 3) {
    throw InputError(fmt::format(
        "{}: GGUF version {}; 2 and 3 are read, from little-endian machines", name, version));
  }
  const uint64_t tensor_count = reader.TakeCount("tensors", kLeastTensorBytes);
  const uint64_t value_count = reader.TakeCount("values", kLeastValueBytes);
  const auto where = [&](const std::string& key) { return fmt::format("{}: '{}'", name, key); };
  for (uint64_t i = 0; i < value_count; ++i) {
    const std::string key = reader.TakeText();
    if (!IsUtf8(key)) throw InputError(name + ": a key that is not UTF-8");
    if (!values_.emplace(key, TakeValue(reader, where(key))).second) {
      throw InputError(where(key) + " stands twice");
    }
  }
  std::map<std::string, Placed> placed;
  for (uint64_t i = 0; i < tensor_count; ++i) {
    const std::string key = reader.TakeText();
    if (!IsUtf8(key)) throw InputError(name + ": a tensor's name that is not UTF-8");
    if (!placed.emplace(key, TakeTensor(reader, where(key))).second) {
      throw InputError(where(key) + " stands twice");
    }
  }
  const char* const kAlignment = "general.alignment";
  const auto alignment =
      static_cast<size_t>(Has(kAlignment) ? Integer(kAlignment, 1, 1 << 20) : 32);
  const size_t begin = std::min((reader.at() + alignment - 1) / alignment * alignment, file.size());
  Place(placed, file.subspan(begin), name);
  for (auto& [key, one] : placed) tensors_[key] = std::move(one.tensor);
}

void GgufContent::Fail(const std::string& key, const std::string& problem) const {
  throw InputError(fmt::format("{}: '{}' {}", name_, key, problem));
}

template <typename T>
const T& GgufContent::Value(const std::string& key, const char* what) const {
  const auto found = values_.find(key);
  if (found == values_.end()) Fail(key, "is missing");
  const T* const value = std::get_if<T>(&found->second);
  if (value == nullptr) Fail(key, fmt::format("must be {}", what));
  return *value;
}

std::string GgufContent::Text(const std::string& key) const {
  return Value<std::string>(key, "text");
}

int64_t GgufContent::Integer(const std::string& key, int64_t low, int64_t high) const {
  const auto value = Value<int64_t>(key, "an integer");
  if (value < low || value > high) {
    Fail(key, fmt::format("must be {} to {}, got {}", low, high, value));
  }
  return value;
}

double GgufContent::Number(const std::string& key) const {
  const auto value = Value<double>(key, "a number with a point");
  if (!std::isfinite(value)) Fail(key, "must be finite");
  return value;
}

bool GgufContent::Flag(const std::string& key, bool fallback) const {
  return Has(key) ? Integer(key, 0, 1) != 0 : fallback;
}

const std::vector<std::string>& GgufContent::Texts(const std::string& key) const {
  return Value<std::vector<std::string>>(key, "a list of texts");
}

const std::vector<double>& GgufContent::Numbers(const std::string& key) const {
  return Value<std::vector<double>>(key, "a list of numbers");
}

}  // namespace hat
