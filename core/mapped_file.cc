#include "core/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "core/error.h"
#include "core/files.h"

namespace hat {
namespace {

// What stands in a repository in place of a large file.
constexpr std::string_view kGitLfs = "version https://git-lfs.github.com/spec/";

}  // namespace

MappedFile::MappedFile(std::string path) : path_(std::move(path)) {
  RefuseTilde(path_);
  const auto fail = [&](const char* reason) {
    throw InputError(fmt::format("cannot read '{}': {}", path_, reason));
  };
  const int fd = ::open(path_.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) fail(std::strerror(errno));
  struct stat info = {};
  const bool is_file = ::fstat(fd, &info) == 0 && S_ISREG(info.st_mode) && info.st_size > 0;
  const auto size = static_cast<size_t>(is_file ? info.st_size : 0);
  void* map = is_file ? ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, fd, 0) : MAP_FAILED;
  const int error = errno;
  ::close(fd);
  if (!is_file) fail("not a file, or an empty one");
  if (map == MAP_FAILED) fail(std::strerror(error));
  map_ = {static_cast<const std::byte*>(map), size};
  if (!std::string_view(static_cast<const char*>(map), size).starts_with(kGitLfs)) return;
  ::munmap(map, size);
  throw InputError(fmt::format(
      "{}: a Git LFS pointer, not the file that it stands for: get that by 'git lfs pull'", path_));
}

MappedFile::~MappedFile() { ::munmap(const_cast<std::byte*>(map_.data()), map_.size()); }

void MappedFile::Release(std::span<const std::byte> bytes) const {
  const auto page = static_cast<size_t>(::sysconf(_SC_PAGESIZE));
  const auto begin = static_cast<size_t>(bytes.data() - map_.data()) / page * page;
  const auto end = static_cast<size_t>(bytes.data() - map_.data()) + bytes.size();
  ::madvise(const_cast<std::byte*>(map_.data()) + begin, end - begin, MADV_DONTNEED);
}

}  // namespace hat
