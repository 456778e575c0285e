#include "core/child_processes.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <thread>
#include <utility>

#include "core/error.h"
#include "core/interrupt.h"

namespace hat {
namespace {

constexpr auto kPollInterval = std::chrono::milliseconds(10);

std::string LastLine(std::FILE* file) {
  std::rewind(file);
  std::string line, last;
  for (int c = std::fgetc(file);; c = std::fgetc(file)) {
    if (c != '\n' && c != EOF) {
      line.push_back(static_cast<char>(c));
      continue;
    }
    if (line.find_first_not_of(" \t\r") != std::string::npos) last = line;
    line.clear();
    if (c == EOF) return last;
  }
}

// The child's side after fork(), where little is allowed. `failed` takes the error if the program
// cannot start, and closes if it does.
[[noreturn]] void Become(char* const* argv, int errors, int failed, pid_t parent) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  const int in = ::open("/dev/null", O_RDONLY), out = ::open("/dev/null", O_WRONLY);
  const bool is_set = ::dup2(in, 0) == 0 && ::dup2(out, 1) == 1 && ::dup2(errors, 2) == 2;
  ::close(in);
  ::close(out);
  if (is_set && ::getppid() == parent) ::execv(argv[0], argv);
  const int error = errno;
  if (::write(failed, &error, sizeof error) < 0) ::_exit(126);
  ::_exit(127);
}

}  // namespace

ChildProcesses::~ChildProcesses() {  // nothing is left running behind an exception
  Terminate();
  while (!running_.empty()) Reap();
}

void ChildProcesses::Start(size_t index, const std::vector<std::string>& words) {
  Running child{index, {std::tmpfile(), {}}};  // unnamed: nobody has to read it for it to go on
  if (child.errors == nullptr) {
    throw RunError(fmt::format("cannot make a temporary file: {}", std::strerror(errno)));
  }
  const int errors = ::fileno(child.errors.get());
  ::fcntl(errors, F_SETFD, FD_CLOEXEC);
  std::vector<char*> argv;
  for (const std::string& word : words) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) {
    throw RunError(fmt::format("cannot make a pipe: {}", std::strerror(errno)));
  }
  const pid_t parent = ::getpid();
  const pid_t pid = ::fork();
  int error = pid < 0 ? errno : 0;
  if (pid == 0) Become(argv.data(), errors, ends[1], parent);
  ::close(ends[1]);
  const bool has_failed = pid < 0 || ::read(ends[0], &error, sizeof error) > 0;
  ::close(ends[0]);
  if (has_failed) {
    if (pid > 0) ::waitpid(pid, nullptr, 0);
    throw RunError(fmt::format("cannot start '{}': {}", words[0], std::strerror(error)));
  }
  running_[pid] = std::move(child);
}

void ChildProcesses::Terminate(size_t first) {
  for (const auto& [pid, child] : running_) {
    if (child.index >= first) ::kill(pid, SIGTERM);
  }
}

std::vector<EndedChild> ChildProcesses::Reap() {
  std::vector<EndedChild> ended;
  for (auto child = running_.begin(); child != running_.end();) {
    int status = 0;
    if (::waitpid(child->first, &status, WNOHANG) != child->first) {
      ++child;
      continue;
    }
    const int code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    ended.push_back({child->second.index, code, LastLine(child->second.errors.get())});
    child = running_.erase(child);
  }
  if (ended.empty()) std::this_thread::sleep_for(kPollInterval);
  return ended;
}

EndedChild RunChild(const std::vector<std::string>& words) {
  ChildProcesses children;
  children.Start(0, words);
  bool is_told = false;
  while (true) {
    if (IsInterrupted() && !std::exchange(is_told, true)) children.Terminate();
    const std::vector<EndedChild> ended = children.Reap();
    if (!ended.empty()) return ended.front();
  }
}

std::string ProgramFolder() {
  return std::filesystem::read_symlink("/proc/self/exe").parent_path();
}

}  // namespace hat
