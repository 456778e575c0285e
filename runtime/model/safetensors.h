// The safetensors format: 8 bytes of header length (little-endian), a JSON header (name -> dtype,
// shape, data_offsets), the tensors' bytes. Read strictly, through a memory map: only the bytes of
// tensors that somebody reads are ever fetched. Free of torch.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/mapped_file.h"

namespace hat {

enum class StoredType { kFloat64, kFloat32, kFloat16, kBfloat16, kInt64, kInt32, kUint8 };
int BytesPerElement(StoredType type);
std::string Name(StoredType type);  // "F64", "F32", "F16", "BF16", "I64", "I32", "U8"

struct StoredTensor {
  StoredType type = StoredType::kFloat32;
  std::vector<int64_t> shape;
  std::span<const std::byte> bytes;  // little-endian, row-major; may be unaligned
};

using Metadata = std::map<std::string, std::string>;

struct SafetensorsContent {
  std::map<std::string, StoredTensor> tensors;
  Metadata metadata;
};

// Reads a whole file's bytes; the result points into them. `name` stands for the file in messages.
// Throws InputError on a header longer than the file or 100 MB, bad JSON, an unknown dtype, a shape
// whose product is not the size, names that stand twice, offsets outside the file, overlapping, or
// that leave a hole (bytes after the last tensor too).
SafetensorsContent ParseSafetensors(std::span<const std::byte> file, const std::string& name);

// A file held open by a memory map.
class SafetensorsFile {
 public:
  explicit SafetensorsFile(std::string path);  // throws InputError

  const std::string& path() const { return file_.path(); }
  const std::map<std::string, StoredTensor>& tensors() const { return content_.tensors; }
  const Metadata& metadata() const { return content_.metadata; }

  // Copies a tensor's bytes to `to`. The memory that reading the file takes is given back to the
  // system as it goes.
  void Copy(const StoredTensor& tensor, std::byte* to) const;

  // Gives the memory of some of the tensors' bytes that were read back to the system; reading them
  // again is possible.
  void Release(std::span<const std::byte> bytes) const { file_.Release(bytes); }

 private:
  MappedFile file_;
  SafetensorsContent content_;
};

// Writes `tensors`, wide elements first and then by name, so that each is aligned, and `metadata`;
// atomically. Throws RunError.
void WriteSafetensors(const std::string& path, const std::map<std::string, StoredTensor>& tensors,
                      const Metadata& metadata = {});

}  // namespace hat
