#include "runtime/train/state_file.h"

#include <algorithm>
#include <filesystem>
#include <system_error>

#include "core/error.h"
#include "core/files.h"

namespace hat {
namespace {

namespace fs = std::filesystem;

std::fstream Open(const std::string& path) {
  if (!IsThere(path)) std::ofstream(path, std::ios::binary);
  std::fstream file(path, std::ios::binary | std::ios::in | std::ios::out);
  if (!file) throw RunError("cannot write '" + path + "'");
  return file;
}

}  // namespace

StateFile::StateFile(const std::string& folder, const std::string& identity, size_t record_bytes,
                     double most_bytes)
    : folder_(folder),
      record_bytes_(record_bytes),
      most_records_(static_cast<int64_t>(most_bytes / static_cast<double>(record_bytes))) {
  RefuseTilde(folder);
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) throw RunError("cannot make the folder '" + folder + "': " + error.message());
  const std::string what = folder + "/identity.txt";
  if (IsThere(what) && ReadFile(what) != identity) {
    throw InputError("'" + folder + "' holds states of another model, text or length (" + what +
                     "); give another folder, or remove it");
  }
  WriteFileAtomically(what, identity);
  records_ = Open(folder + "/records.bin");
  marks_ = Open(folder + "/marks.bin");
  const std::string marks = ReadFile(folder + "/marks.bin");
  is_there_.assign(marks.begin(), marks.end());
  count_ = std::ranges::count(is_there_, '\1');
}

bool StateFile::Has(int64_t number) const {
  return number < static_cast<int64_t>(is_there_.size()) &&
         is_there_[static_cast<size_t>(number)] == '\1';
}

bool StateFile::HasRoomFor(int64_t number) const { return number < most_records_; }

void StateFile::Read(int64_t number, std::span<std::byte> record) {
  HAT_CHECK(Has(number) && record.size() == record_bytes_);
  records_.seekg(static_cast<std::streamoff>(number) * static_cast<std::streamoff>(record_bytes_));
  records_.read(reinterpret_cast<char*>(record.data()),
                static_cast<std::streamsize>(record.size()));
  if (!records_) throw RunError("cannot read '" + folder_ + "/records.bin'");
}

// The mark follows when the record is out of this process.
void StateFile::Write(int64_t number, std::span<const std::byte> record) {
  HAT_CHECK(HasRoomFor(number) && record.size() == record_bytes_);
  records_.seekp(static_cast<std::streamoff>(number) * static_cast<std::streamoff>(record_bytes_));
  records_.write(reinterpret_cast<const char*>(record.data()),
                 static_cast<std::streamsize>(record.size()));
  records_.flush();
  marks_.seekp(static_cast<std::streamoff>(number));
  marks_.put('\1');
  marks_.flush();
  if (!records_ || !marks_) throw RunError("cannot write '" + folder_ + "': is the disk full?");
  if (static_cast<int64_t>(is_there_.size()) <= number) {
    is_there_.resize(static_cast<size_t>(number) + 1, '\0');
  }
  count_ += is_there_[static_cast<size_t>(number)] != '\1';
  is_there_[static_cast<size_t>(number)] = '\1';
}

}  // namespace hat
