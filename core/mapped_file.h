// A file's bytes through a memory map: only what somebody reads is ever fetched.
#pragma once

#include <cstddef>
#include <span>
#include <string>

namespace hat {

class MappedFile {
 public:
  // Throws InputError: not readable, no file, an empty one, or what git-lfs leaves in place of a
  // large file.
  explicit MappedFile(std::string path);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  const std::string& path() const { return path_; }
  std::span<const std::byte> bytes() const { return map_; }

  // Gives the memory of some of the bytes that were read back to the system; reading them again is
  // possible.
  void Release(std::span<const std::byte> bytes) const;

 private:
  std::string path_;
  std::span<const std::byte> map_;
};

}  // namespace hat
