#include "core/scratch_folder.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <system_error>

#include "core/error.h"

namespace hat {
namespace {

constexpr const char* kLock = "/in-use";

// A folder of this user's whose lock nobody holds. One without a lock is somebody else's, or about
// to get it.
void RemoveIfLeft(const std::string& path) {
  const int lock = ::open((path + kLock).c_str(), O_RDWR | O_NOFOLLOW | O_CLOEXEC);
  if (lock < 0) return;
  struct stat facts = {};
  const bool is_ours = ::fstat(lock, &facts) == 0 && facts.st_uid == ::geteuid();
  if (is_ours && ::flock(lock, LOCK_EX | LOCK_NB) == 0) {
    std::error_code ignored;
    std::filesystem::remove_all(path, ignored);
  }
  ::close(lock);
}

void RemoveLeft(const std::filesystem::path& place, const std::string& name) {
  std::error_code error;
  for (std::filesystem::directory_iterator at(place, error), end; !error && at != end;
       at.increment(error)) {
    if (at->path().filename().string().starts_with(name + "-")) RemoveIfLeft(at->path().string());
  }
}

}  // namespace

ScratchFolder::ScratchFolder(const std::string& name) {
  std::error_code error;
  const std::filesystem::path place = std::filesystem::temp_directory_path(error);
  if (error) throw RunError(fmt::format("no folder for temporary files: {}", error.message()));
  RemoveLeft(place, name);
  do {
    path_ = (place / (name + "-XXXXXX")).string();
    if (::mkdtemp(path_.data()) == nullptr) {
      throw RunError(
          fmt::format("cannot make a folder in {}: {}", place.string(), std::strerror(errno)));
    }
  } while (!Lock());
}

// False: another one took the folder away before it was locked.
bool ScratchFolder::Lock() {
  const std::string path = path_ + kLock;
  lock_ = ::open(path.c_str(), O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600);
  if (lock_ < 0) {
    if (errno == ENOENT) return false;
    const int why = errno;
    ::rmdir(path_.c_str());
    throw RunError(fmt::format("cannot write {}: {}", path, std::strerror(why)));
  }
  struct stat facts = {};
  if (::flock(lock_, LOCK_EX | LOCK_NB) == 0 && ::stat(path.c_str(), &facts) == 0) return true;
  ::close(lock_);
  return false;
}

ScratchFolder::~ScratchFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
  ::close(lock_);
}

}  // namespace hat
