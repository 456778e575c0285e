#include "core/files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <openssl/evp.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <optional>
#include <random>

#include "core/error.h"
#include "core/hex.h"

namespace hat {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void FailWrite(const std::string& path, int error) {
  throw RunError(fmt::format("cannot write '{}': {}", path, std::strerror(error)));
}

class FileDescriptor {
 public:
  explicit FileDescriptor(int fd) : fd_(fd) {}
  ~FileDescriptor() { Close(); }
  FileDescriptor(const FileDescriptor&) = delete;
  FileDescriptor& operator=(const FileDescriptor&) = delete;

  int get() const { return fd_; }
  bool IsOpen() const { return fd_ >= 0; }
  bool Close() { return fd_ < 0 || ::close(std::exchange(fd_, -1)) == 0; }
  int Release() { return std::exchange(fd_, -1); }

 private:
  int fd_;
};

bool WriteAll(int fd, std::string_view content) {
  while (!content.empty()) {
    const ssize_t n = ::write(fd, content.data(), content.size());
    if (n < 0 && errno != EINTR) return false;
    if (n > 0) content.remove_prefix(static_cast<size_t>(n));
  }
  return true;
}

int OpenToWrite(const std::string& path, int extra_flags, Readers readers = Readers::kAny) {
  const mode_t mode = readers == Readers::kOwner ? 0600 : 0666;
  return ::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | extra_flags, mode);
}

// A pipe or a device cannot be synced (EINVAL), which is no failure.
bool Sync(int fd) { return ::fsync(fd) == 0 || errno == EINVAL; }

// Makes a rename in this folder durable; best effort, since not every file system can.
void SyncFolder(const fs::path& folder) {
  const std::string name = folder.empty() ? "." : folder.string();
  const FileDescriptor fd(::open(name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (fd.IsOpen()) ::fsync(fd.get());
}

// A name beside `path` that no other process uses, here or on another machine.
std::string Beside(const fs::path& path, std::string_view purpose) {
  static const unsigned drawn = std::random_device()();
  static int count = 0;
  return path.parent_path() / fmt::format(".{}.{}-{}-{:x}-{}", path.filename().string(), purpose,
                                          ::getpid(), drawn, ++count);
}

bool IsDeviceOrPipe(const fs::path& path) {
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  return fs::exists(status) && !fs::is_regular_file(status) && !fs::is_directory(status);
}

// Puts the folder `from` in the place of the folder `to` in one step, where the file system can;
// the old content is then under `from`.
void ExchangeFolders(const std::string& from, const std::string& to) {
  if (::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_EXCHANGE) == 0) return;
  const std::string old = Beside(to, "old");
  if (::rename(to.c_str(), old.c_str()) != 0) FailWrite(to, errno);
  if (::rename(from.c_str(), to.c_str()) != 0) {
    const int error = errno;
    ::rename(old.c_str(), to.c_str());
    FailWrite(to, error);
  }
  if (::rename(old.c_str(), from.c_str()) != 0) FailWrite(from, errno);
}

// The path without a trailing '/', symbolic links followed.
std::string CleanPath(const std::string& path) {
  if (path.empty()) throw InputError("the results folder must have a name, got ''");
  RefuseTilde(path);
  std::error_code error;
  fs::path clean = fs::weakly_canonical(fs::absolute(path), error);
  if (error) clean = fs::absolute(path).lexically_normal();
  return clean.has_filename() ? clean : clean.parent_path();
}

// The first folder on the way to `folder` that does not exist; empty if it exists.
fs::path OutermostMissing(const fs::path& folder) {
  std::error_code error;
  fs::path missing;
  for (fs::path at = folder; !at.empty() && !fs::exists(at, error); at = at.parent_path()) {
    missing = at;
  }
  return missing;
}

// Why `path` cannot become a results folder; nothing if it can.
std::optional<std::string> Refusal(const std::string& path, bool replace, const std::string& mark) {
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  if (!fs::exists(status)) return std::nullopt;
  if (!fs::is_directory(status)) return "exists and is not a folder";
  if (fs::is_empty(path, error) && !error) return std::nullopt;
  if (!replace)
    return "exists and is not empty; give a new folder, or --force to replace earlier results";
  if (fs::exists(fs::path(path) / mark, error)) return std::nullopt;
  return fmt::format("holds no {}, so it is not {} and is not replaced", mark,
                     mark == "manifest.json" ? "a results folder" : "of this kind");
}

}  // namespace

std::optional<std::string> TildeProblem(const std::string& path) {
  if (path != "~" && !path.starts_with("~/")) return std::nullopt;
  const char* home = std::getenv("HOME");
  const std::string meant = home != nullptr && *home != '\0' ? home + path.substr(1) : "";
  return fmt::format(
      "begins with '~', which a shell replaces by the home folder (not behind '=', not "
      "in quotes) and this program does not; write {}",
      meant.empty() ? "the whole path" : "'" + meant + "'");
}

void RefuseTilde(const std::string& path) {
  if (const auto problem = TildeProblem(path)) {
    throw InputError(fmt::format("'{}' {}", path, *problem));
  }
}

bool IsThere(const std::string& path) {
  std::error_code error;
  return fs::exists(path, error);
}

std::string ReadFile(const std::string& path, size_t max_bytes) {
  RefuseTilde(path);
  const auto fail = [&](const std::string& reason) {
    return InputError(fmt::format("cannot read '{}': {}", path, reason));
  };
  const FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.IsOpen()) throw fail(std::strerror(errno));
  std::string content;
  struct stat status = {};
  if (::fstat(file.get(), &status) == 0 && S_ISREG(status.st_mode)) {
    content.reserve(std::min(static_cast<size_t>(status.st_size), max_bytes));
  }
  std::array<char, 1 << 16> buffer;
  while (true) {
    const ssize_t n = ::read(file.get(), buffer.data(), buffer.size());
    if (n == 0) return content;
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw fail(std::strerror(errno));
    content.append(buffer.data(), static_cast<size_t>(n));
    if (content.size() > max_bytes) throw fail(fmt::format("larger than {} bytes", max_bytes));
  }
}

AtomicFile::AtomicFile(std::string path, Readers readers) : path_(std::move(path)), target_(path_) {
  RefuseTilde(path_);
  std::error_code error;
  if (IsDeviceOrPipe(path_)) {
    fd_ = OpenToWrite(path_, 0);
  } else if (fs::is_directory(path_, error)) {
    FailWrite(path_, EISDIR);
  } else {
    if (fs::is_symlink(path_, error)) target_ = fs::weakly_canonical(path_, error);
    temporary_ = Beside(target_, "tmp");
    fd_ = OpenToWrite(temporary_, O_EXCL, readers);
  }
  if (fd_ < 0) FailWrite(path_, errno);
}

AtomicFile::~AtomicFile() {
  if (fd_ < 0) return;
  ::close(fd_);
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

void AtomicFile::Write(std::string_view content) {
  HAT_CHECK(fd_ >= 0);
  if (!WriteAll(fd_, content)) FailWrite(path_, errno);
}

void AtomicFile::Commit() {
  HAT_CHECK(fd_ >= 0);
  if (!Sync(fd_)) FailWrite(path_, errno);
  if (temporary_.empty()) return;
  if (::rename(temporary_.c_str(), target_.c_str()) != 0) FailWrite(path_, errno);
  temporary_.clear();
  SyncFolder(fs::path(target_).parent_path());
}

void WriteFileAtomically(const std::string& path, std::string_view content, Readers readers) {
  AtomicFile file(path, readers);
  file.Write(content);
  file.Commit();
}

void CopyFileAtomically(const std::string& from, const std::string& path) {
  const FileDescriptor source(::open(from.c_str(), O_RDONLY | O_CLOEXEC));
  if (!source.IsOpen()) FailWrite(path, errno);
  AtomicFile copy(path);
  std::array<char, 1 << 16> buffer;
  while (const ssize_t n = ::read(source.get(), buffer.data(), buffer.size())) {
    if (n < 0) FailWrite(path, errno);
    copy.Write({buffer.data(), static_cast<size_t>(n)});
  }
  copy.Commit();
}

void RefuseToReplace(const std::string& path, std::string_view content) {
  std::error_code error;
  if (!fs::is_regular_file(path, error)) return;
  if (fs::file_size(path, error) == content.size() && ReadFile(path) == content) return;
  throw InputError(fmt::format(
      "'{}' exists with other content; give another name, or --force to replace it", path));
}

ResultFolder::ResultFolder(std::string path, bool replace)
    : ResultFolder(std::move(path), replace, Kind{}) {}

ResultFolder ResultFolder::Resumable(std::string path, bool replace, const std::string& mark) {
  return ResultFolder(std::move(path), replace, Kind{.resume_mark = mark});
}

ResultFolder ResultFolder::Private(std::string path, bool replace, const std::string& mark) {
  return ResultFolder(std::move(path), replace,
                      Kind{.replace_mark = mark, .readers = Readers::kOwner});
}

ResultFolder::ResultFolder(std::string path, bool replace, Kind kind)
    : path_(CleanPath(path)), replace_(replace), kind_(std::move(kind)) {
  if (const auto refusal = Refusal(path_, replace_, kind_.replace_mark)) {
    throw InputError(fmt::format("'{}' {}", path, *refusal));
  }
  staging_ = kind_.resume_mark ? path_ + ".unfinished" : Beside(path_, "partial");
  outermost_made_ = OutermostMissing(fs::path(path_).parent_path());
  MakeStaging(path);
  if (kind_.resume_mark) Resume(*kind_.resume_mark);
}

// Those above the staging folder are not ours alone.
void ResultFolder::MakeFolders(const std::string& folder) {
  if (fs::create_directories(folder) && kind_.readers == Readers::kOwner) {
    fs::permissions(folder, fs::perms::owner_all);
  }
}

void ResultFolder::MakeStaging(const std::string& path) {
  try {
    MakeFolders(staging_);
  } catch (const fs::filesystem_error& error) {
    RemoveWhatWasMade();
    throw RunError(fmt::format("cannot write '{}': {}", path, error.code().message()));
  }
}

// What it throws leaves the folder to its owner; what it finds stays unless told otherwise.
void ResultFolder::Resume(const std::string& mark) {
  FileDescriptor folder(::open(staging_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  struct stat locked = {}, found = {};
  const bool is_ours = folder.IsOpen() && ::flock(folder.get(), LOCK_EX | LOCK_NB) == 0 &&
                       ::fstat(folder.get(), &locked) == 0 &&
                       ::stat(staging_.c_str(), &found) == 0 && locked.st_ino == found.st_ino;
  if (!is_ours) throw RunError(fmt::format("another program writes to '{}'", staging_));
  std::error_code error;
  is_kept_ = !fs::is_empty(staging_, error);
  if (is_kept_ && !fs::exists(fs::path(staging_) / mark, error)) {
    throw InputError(fmt::format(
        "'{}' holds no {}, so it is not what an earlier run left; remove it, or give a new folder",
        staging_, mark));
  }
  lock_ = folder.Release();
}

ResultFolder::~ResultFolder() {
  if (!is_kept_ || committed_) RemoveWhatWasMade();
  if (lock_ >= 0) ::close(lock_);
}

void ResultFolder::RemoveWhatWasMade() {
  std::error_code ignored;
  fs::remove_all(staging_, ignored);  // the old results, if Commit() replaced some
  if (committed_ || outermost_made_.empty()) return;
  for (fs::path made = fs::path(path_).parent_path();; made = made.parent_path()) {
    if (::rmdir(made.c_str()) != 0 && errno != ENOENT) return;  // another program uses it by now
    if (made == outermost_made_) return;
  }
}

void ResultFolder::Write(const std::string& name, std::string_view content) {
  const fs::path file = fs::path(staging_) / name;
  HAT_CHECK(!committed_ && !name.empty() && fs::path(name).is_relative(), name);
  try {
    MakeFolders(file.parent_path());
  } catch (const fs::filesystem_error& error) {
    FailWrite(path_, error.code().value());
  }
  FileDescriptor fd(OpenToWrite(file, O_TRUNC, kind_.readers));
  const bool ok = fd.IsOpen() && WriteAll(fd.get(), content) && Sync(fd.get()) && fd.Close();
  if (!ok) FailWrite(path_, errno);
}

void ResultFolder::Commit() {
  HAT_CHECK(!committed_);
  if (const auto refusal = Refusal(path_, replace_, kind_.replace_mark)) {
    throw RunError(fmt::format("cannot write '{}': it {}", path_, *refusal));
  }
  SyncFolder(staging_);
  std::error_code error;
  if (!fs::exists(path_, error) || fs::is_empty(path_, error)) {
    if (::rename(staging_.c_str(), path_.c_str()) != 0) FailWrite(path_, errno);
  } else {
    ExchangeFolders(staging_, path_);
  }
  committed_ = true;
  SyncFolder(fs::path(path_).parent_path());
}

void PrintResult(std::string_view text) {
  const bool ok =
      std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0;
  if (!ok) throw RunError(fmt::format("cannot write to stdout: {}", std::strerror(errno)));
}

void SayLine(std::string_view line) { std::fputs(fmt::format("{}\n", line).c_str(), stderr); }

void SayWritten(std::string_view path) { SayLine(fmt::format("wrote {}", path)); }

std::string Sha256Hex(std::string_view content) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest;
  unsigned size = 0;
  HAT_CHECK(
      EVP_Digest(content.data(), content.size(), digest.data(), &size, EVP_sha256(), nullptr));
  return HexOf({reinterpret_cast<const char*>(digest.data()), size});
}

}  // namespace hat
