// Records of one size on disk, by number: what is costly to compute and is wanted again. A run that
// is killed loses the record that it was writing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <fstream>
#include <span>
#include <string>
#include <vector>

namespace hat {

class StateFile {
 public:
  // Opens or makes `folder`. `identity`: what the records follow from; those of another identity
  // are refused (InputError). No more than `most_bytes` are kept. Throws RunError.
  StateFile(const std::string& folder, const std::string& identity, size_t record_bytes,
            double most_bytes);

  bool Has(int64_t number) const;
  bool HasRoomFor(int64_t number) const;
  void Read(int64_t number, std::span<std::byte> record);         // Has(number)
  void Write(int64_t number, std::span<const std::byte> record);  // HasRoomFor(number)
  int64_t count() const { return count_; }                        // of records that are there

 private:
  std::string folder_;
  size_t record_bytes_;
  int64_t most_records_;
  std::fstream records_, marks_;
  std::vector<char> is_there_;
  int64_t count_ = 0;
};

}  // namespace hat
