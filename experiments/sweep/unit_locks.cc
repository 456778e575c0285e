#include "experiments/sweep/unit_locks.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>

#include "core/error.h"
#include "core/files.h"

namespace hat {
namespace {

namespace fs = std::filesystem;

constexpr const char* kOwnerPrefix = ".owner-";
constexpr int kRefreshesInPatience = 6;

// What this machine says of a process; nothing if there is none of this number, or it may not be
// looked at.
struct ProcessState {
  char state = '?';   // 'Z': it has ended, and its parent has not asked how
  std::string begin;  // clock ticks since boot: a number is used again, one with its beginning not
};

std::optional<ProcessState> StateOf(const std::string& pid) {
  std::string text;
  try {
    text = ReadFile(fmt::format("/proc/{}/stat", pid));
  } catch (const InputError&) {  // also one that ends while it is being read
    return std::nullopt;
  }
  const size_t name_end = text.rfind(')');  // the name may hold anything
  if (name_end == std::string::npos) return std::nullopt;
  std::istringstream fields(text.substr(name_end + 1));
  ProcessState process;
  fields >> process.state;
  constexpr int kFieldsAfterState = 19;  // 'state' is the third field, 'starttime' the 22nd
  for (int i = 0; i < kFieldsAfterState; ++i) fields >> process.begin;
  return process;
}

// Host, boot and PID namespace: equal for two processes only if each can see the other's number.
std::string Machine() {
  char host[256] = {};
  ::gethostname(host, sizeof host - 1);
  std::ifstream file("/proc/sys/kernel/random/boot_id");
  std::string boot;
  file >> boot;
  std::error_code error;
  const fs::path space = fs::read_symlink("/proc/self/ns/pid", error);
  return fmt::format("{} {} {}", host, boot, space.string());
}

std::string OwnerText() {
  static int count = 0;  // several objects of one process are several owners
  const std::string pid = std::to_string(::getpid());
  const std::optional<ProcessState> process = StateOf(pid);
  return fmt::format("{}\n{}\n{}\n{}\n", Machine(), pid, process ? process->begin : "?", ++count);
}

// Whether the owner was a process of this machine that is gone; false where nobody can know.
bool IsSurelyGone(const std::string& owner) {
  std::istringstream lines(owner);
  std::string machine, pid, begin;
  if (!std::getline(lines, machine) || !std::getline(lines, pid) || !std::getline(lines, begin)) {
    return false;
  }
  const bool is_here = machine == Machine() && !pid.empty() && pid.size() < 10 &&
                       pid.find_first_not_of("0123456789") == std::string::npos;
  if (!is_here) return false;
  if (const std::optional<ProcessState> now = StateOf(pid)) {
    return now->begin != begin || now->state == 'Z' || now->state == 'X';
  }
  return ::kill(std::stoi(pid), 0) != 0 && errno == ESRCH;  // /proc may hide others' processes
}

// Content and time, as the server of the files has them now: open() asks it, a mere stat() may be
// answered from memory. Nothing if the file is not there.
std::optional<std::pair<std::string, std::string>> OwnerAndTime(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return std::nullopt;
  struct stat status = {};
  char text[1024];
  const ssize_t n = ::fstat(fd, &status) == 0 ? ::read(fd, text, sizeof text) : -1;
  ::close(fd);
  if (n < 0) return std::nullopt;
  return std::pair(std::string(text, static_cast<size_t>(n)),
                   fmt::format("{}.{}", status.st_mtim.tv_sec, status.st_mtim.tv_nsec));
}

}  // namespace

UnitLocks::UnitLocks(std::string folder, std::chrono::milliseconds patience)
    : folder_(std::move(folder)), patience_(patience) {
  RemoveWhatIsGone();
  const std::string text = OwnerText();
  owner_ = Sha256Hex(text).substr(0, 16);
  owner_file_ = fmt::format("{}/{}{}", folder_, kOwnerPrefix, owner_);
  WriteFileAtomically(owner_file_, text);
}

UnitLocks::~UnitLocks() {
  for (const std::string& key : held_) {
    if (IsOurs(key)) ::unlink(PathOf(key).c_str());
  }
  ::unlink(owner_file_.c_str());
}

void UnitLocks::RemoveWhatIsGone() {
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder_, error)) {
    const std::string name = entry.path().filename();
    const auto owner = OwnerAndTime(entry.path());
    if (!owner || !IsSurelyGone(owner->first)) continue;
    if (name.starts_with(kOwnerPrefix)) {
      ::unlink(entry.path().c_str());
    } else {
      RemoveStale(name);
    }
  }
}

bool UnitLocks::Take(const std::string& key) {
  if (!Link(key)) {
    if (IsStale(key)) RemoveStale(key);
    if (!Link(key)) return false;
  }
  seen_.erase(key);
  held_.insert(key);
  return true;
}

bool UnitLocks::Link(const std::string& key) const {
  if (::link(owner_file_.c_str(), PathOf(key).c_str()) == 0) return true;
  if (errno == EEXIST) return IsOurs(key);  // over NFS an answer may be lost, and the call repeated
  throw RunError(fmt::format("cannot write '{}': {}", PathOf(key), std::strerror(errno)));
}

// Somebody else may have taken it over from us, while this program stood still.
bool UnitLocks::IsOurs(const std::string& key) const {
  struct stat lock = {}, owner = {};
  return ::stat(PathOf(key).c_str(), &lock) == 0 && ::stat(owner_file_.c_str(), &owner) == 0 &&
         lock.st_ino == owner.st_ino && lock.st_dev == owner.st_dev;
}

bool UnitLocks::IsOwner(const std::string& owner) const {
  std::error_code error;
  return fs::exists(fmt::format("{}/{}{}", folder_, kOwnerPrefix, owner), error);
}

// False for a lock that is not there, or cannot be read.
bool UnitLocks::IsStale(const std::string& key) {
  const auto now = OwnerAndTime(PathOf(key));
  if (!now) return false;
  if (IsSurelyGone(now->first)) return true;
  const std::string state = now->first + now->second;
  Seen& seen = seen_.try_emplace(key, Seen{state, Clock::now()}).first->second;
  if (seen.state != state) seen = {state, Clock::now()};
  return Clock::now() - seen.since > patience_;
}

// One program at a time looks again and removes, lest it removes the lock of one that was faster.
void UnitLocks::RemoveStale(const std::string& key) {
  const int fd = ::open((folder_ + "/.takeover").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
  if (fd < 0) throw RunError(fmt::format("cannot write '{}': {}", folder_, std::strerror(errno)));
  ::flock(fd, LOCK_EX);  // where a file system has none, looking again alone must do
  if (IsStale(key)) ::unlink(PathOf(key).c_str());
  ::close(fd);
}

void UnitLocks::Release(const std::string& key) {
  if (held_.erase(key) > 0 && IsOurs(key)) ::unlink(PathOf(key).c_str());
}

void UnitLocks::Refresh() {
  if (Clock::now() - refreshed_ < patience_ / kRefreshesInPatience) return;
  refreshed_ = Clock::now();
  ::utimensat(AT_FDCWD, owner_file_.c_str(), nullptr, 0);
}

}  // namespace hat
