#include "runtime/model/safetensors.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

#include <fmt/format.h>

#include "core/error.h"
#include "core/files.h"
#include "core/strict_json.h"

namespace hat {
namespace {

using nlohmann::json;

static_assert(std::endian::native == std::endian::little, "the format is little-endian");

constexpr size_t kLengthBytes = 8;
constexpr uint64_t kMostHeaderBytes = 100'000'000;  // the format's own limit

struct TypeName {
  const char* name;
  int bytes;
};
constexpr TypeName kTypes[] = {{"F64", 8}, {"F32", 4}, {"F16", 2}, {"BF16", 2},
                               {"I64", 8}, {"I32", 4}, {"U8", 1}};

StoredType ParseType(const JsonNode& node) {
  std::vector<std::string> names;
  for (const TypeName& type : kTypes) names.push_back(type.name);
  const std::string name = node.Choice(names);
  return static_cast<StoredType>(std::find(names.begin(), names.end(), name) - names.begin());
}

// The shape of `entry`, whose elements fill `bytes` exactly.
std::vector<int64_t> ReadShape(const JsonNode& entry, StoredType type, uint64_t bytes) {
  std::vector<int64_t> shape;
  unsigned __int128 product = BytesPerElement(type);
  for (const JsonNode& size : entry.At("shape").Items()) {
    shape.push_back(size.ExactInteger(0, INT64_MAX));
    product *= static_cast<uint64_t>(shape.back());
    if (product > UINT64_MAX) entry.At("shape").Fail("has a product beyond 2^64 bytes");
  }
  if (product != bytes) {
    entry.At("shape").Fail(fmt::format("needs {} bytes of {}, data_offsets hold {}",
                                       static_cast<uint64_t>(product), Name(type), bytes));
  }
  return shape;
}

StoredTensor ReadEntry(const JsonNode& entry, std::span<const std::byte> data) {
  entry.AllowOnly({"dtype", "shape", "data_offsets"});
  const std::vector<JsonNode> offsets = entry.At("data_offsets").Items();
  if (offsets.size() != 2) entry.At("data_offsets").Fail("must be [begin, end]");
  const auto size = static_cast<int64_t>(data.size());
  const int64_t begin = offsets[0].ExactInteger(0, INT64_MAX);
  const int64_t end = offsets[1].ExactInteger(begin, INT64_MAX);
  if (end > size) {
    offsets[1].Fail(fmt::format("is {}, the file has {} bytes of data: it was cut off", end, size));
  }
  StoredTensor tensor;
  tensor.type = ParseType(entry.At("dtype"));
  tensor.bytes = data.subspan(static_cast<size_t>(begin), static_cast<size_t>(end - begin));
  tensor.shape = ReadShape(entry, tensor.type, tensor.bytes.size());
  return tensor;
}

// Tensors must lie end to end from the first byte of `data` to its last.
void CheckTiling(const SafetensorsContent& content, std::span<const std::byte> data,
                 const std::string& name) {
  std::vector<std::pair<const std::byte*, const std::byte*>> ranges;  // begin, end
  for (const auto& [key, tensor] : content.tensors) {
    ranges.emplace_back(tensor.bytes.data(), tensor.bytes.data() + tensor.bytes.size());
  }
  std::sort(ranges.begin(), ranges.end());
  const std::byte* at = data.data();
  for (const auto& [begin, end] : ranges) {
    if (begin != at) {
      throw InputError(fmt::format("{}: tensors {} at byte {} of the data", name,
                                   begin < at ? "overlap" : "leave a hole",
                                   std::min(begin, at) - data.data()));
    }
    at = end;
  }
  if (at != data.data() + data.size()) {
    throw InputError(
        fmt::format("{}: {} bytes after the last tensor", name, data.data() + data.size() - at));
  }
}

std::string_view HeaderText(std::span<const std::byte> file, const std::string& name) {
  if (file.size() < kLengthBytes) {
    throw InputError(
        fmt::format("{}: not a safetensors file: {} bytes, less than the 8 of the "
                    "header's length",
                    name, file.size()));
  }
  uint64_t length = 0;
  std::memcpy(&length, file.data(), kLengthBytes);
  if (length > kMostHeaderBytes) {
    throw InputError(fmt::format(
        "{}: not a safetensors file: its first 8 bytes are no header's length (at most {})", name,
        kMostHeaderBytes));
  }
  if (length > file.size() - kLengthBytes) {
    throw InputError(
        fmt::format("{}: cut off, or not a safetensors file: a header of {} bytes in a "
                    "file of {}",
                    name, length, file.size()));
  }
  return {reinterpret_cast<const char*>(file.data()) + kLengthBytes, static_cast<size_t>(length)};
}

json HeaderOf(const std::map<std::string, StoredTensor>& tensors,
              const std::vector<const std::string*>& order, const Metadata& metadata) {
  json header = json::object();
  if (!metadata.empty()) header["__metadata__"] = metadata;
  uint64_t at = 0;
  for (const std::string* name : order) {
    const StoredTensor& tensor = tensors.at(*name);
    header[*name] = {{"dtype", Name(tensor.type)},
                     {"shape", tensor.shape},
                     {"data_offsets", {at, at + tensor.bytes.size()}}};
    at += tensor.bytes.size();
  }
  return header;
}

}  // namespace

int BytesPerElement(StoredType type) { return kTypes[static_cast<int>(type)].bytes; }

std::string Name(StoredType type) { return kTypes[static_cast<int>(type)].name; }

SafetensorsContent ParseSafetensors(std::span<const std::byte> file, const std::string& name) {
  const std::string_view text = HeaderText(file, name);
  if (!text.starts_with('{')) {
    throw InputError(fmt::format("{}: not a safetensors file: the header is no JSON object", name));
  }
  const json header = ParseJson(std::string(text), name);
  const std::span<const std::byte> data = file.subspan(kLengthBytes + text.size());
  SafetensorsContent content;
  const JsonNode node(header, name);
  for (const auto& [key, value] : header.items()) {
    const JsonNode entry = node.At(key);
    if (key == "__metadata__") {
      for (const std::string& word : entry.Keys()) {
        content.metadata[word] = entry.At(word).String();
      }
    } else {
      content.tensors[key] = ReadEntry(entry, data);
    }
  }
  CheckTiling(content, data, name);
  return content;
}

SafetensorsFile::SafetensorsFile(std::string path)
    : file_(std::move(path)), content_(ParseSafetensors(file_.bytes(), file_.path())) {}

void SafetensorsFile::Copy(const StoredTensor& tensor, std::byte* to) const {
  constexpr size_t kPiece = size_t{1} << 22;
  for (size_t at = 0; at < tensor.bytes.size(); at += kPiece) {
    const auto piece = tensor.bytes.subspan(at, std::min(kPiece, tensor.bytes.size() - at));
    std::memcpy(to + at, piece.data(), piece.size());
    file_.Release(piece);
  }
}

void WriteSafetensors(const std::string& path, const std::map<std::string, StoredTensor>& tensors,
                      const Metadata& metadata) {
  std::vector<const std::string*> order;
  for (const auto& [name, tensor] : tensors) order.push_back(&name);
  std::stable_sort(order.begin(), order.end(), [&](const std::string* a, const std::string* b) {
    return BytesPerElement(tensors.at(*a).type) > BytesPerElement(tensors.at(*b).type);
  });
  std::string header = HeaderOf(tensors, order, metadata).dump();
  header.resize((header.size() + 7) / 8 * 8, ' ');  // the data starts aligned
  const uint64_t length = header.size();
  AtomicFile file(path);
  file.Write({reinterpret_cast<const char*>(&length), kLengthBytes});
  file.Write(header);
  for (const std::string* name : order) {
    const std::span<const std::byte> bytes = tensors.at(*name).bytes;
    file.Write({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  }
  file.Commit();
}

}  // namespace hat
