#include "core/child_processes.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <exception>
#include <filesystem>
#include <utility>

#include "core/error.h"
#include "core/interrupt.h"

namespace hat {
namespace {

constexpr int kPollMs = 50;

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

// In the child, where little is allowed until it has become another program: no stdin, no stdout,
// `errors` as its stderr. False (and errno) if that fails.
bool SetStreams(int errors) {
  const int in = ::open("/dev/null", O_RDONLY), out = ::open("/dev/null", O_WRONLY);
  const bool is_set = ::dup2(in, 0) == 0 && ::dup2(out, 1) == 1 && ::dup2(errors, 2) == 2;
  ::close(in);
  ::close(out);
  return is_set;
}

// Of all beyond the streams: a lock on a file that is open here too would outlive its owner.
void CloseAllBut(int kept) {
  constexpr unsigned kFirst = STDERR_FILENO + 1;
  const auto last = static_cast<unsigned>(kept);
  if (last > kFirst) ::close_range(kFirst, last - 1, 0);
  ::close_range(last + 1, ~0U, 0);
}

[[noreturn]] void TellFailure(int failed) {
  const int error = errno;
  if (::write(failed, &error, sizeof error) < 0) ::_exit(126);
  ::_exit(127);
}

int ExitCodeOf(const std::function<void()>& work) {
  const auto fail = [](const std::string& message, int exit_code) {
    std::fputs(message.c_str(), stderr);
    return exit_code;
  };
  try {
    work();
    return 0;
  } catch (const InputError& error) {
    return fail(error.what(), 2);
  } catch (const std::exception& error) {
    return fail(error.what(), 1);
  }
}

}  // namespace

std::string ReasonOf(const EndedChild& ended) {
  constexpr std::string_view kCommand = "hat simulate: ";
  const std::string& error = ended.last_error;
  if (error.starts_with(kCommand)) return error.substr(kCommand.size());
  if (!error.empty()) return error;
  const int signal = ended.exit_code - 128;
  if (signal <= 0) return fmt::format("ended with code {}", ended.exit_code);
  return fmt::format("ended by signal {} ({})", signal, ::strsignal(signal));
}

ChildProcesses::~ChildProcesses() {  // nothing is left running behind an exception
  Terminate();
  while (!running_.empty()) Reap();
}

void ChildProcesses::Start(size_t index, const std::vector<std::string>& words) {
  std::vector<char*> argv;
  for (const std::string& word : words) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  Fork(index, SIGTERM, words[0], [&argv](const Pipes& pipes) {
    if (SetStreams(pipes.errors)) ::execv(argv[0], argv.data());
    TellFailure(pipes.failed);
  });
}

void ChildProcesses::Start(size_t index, const std::function<void()>& work) {
  Fork(index, SIGKILL, "a simulation", [&work](const Pipes& pipes) {
    if (!SetStreams(pipes.errors)) TellFailure(pipes.failed);
    CloseAllBut(pipes.alive);
    std::signal(SIGINT, SIG_IGN);
    std::signal(SIGHUP, SIG_IGN);
    std::signal(SIGTERM, SIG_IGN);
    const int exit_code = ExitCodeOf(work);
    std::fflush(nullptr);
    ::_exit(exit_code);
  });
}

void ChildProcesses::Fork(size_t index, int end_signal, const std::string& name,
                          const Child& become) {
  const auto fail = [&name](int error) {
    return RunError(fmt::format("cannot start '{}': {}", name, std::strerror(error)));
  };
  Running child{index, end_signal, {}};
  child.errors.reset(std::tmpfile());  // unnamed: nobody has to read it for it to go on
  int failed[2], alive[2];
  if (child.errors == nullptr || ::pipe2(failed, O_CLOEXEC) != 0) throw fail(errno);
  if (::pipe2(alive, O_CLOEXEC) != 0) {
    const int error = errno;
    for (const int end : failed) ::close(end);
    throw fail(error);
  }
  const int errors = ::fileno(child.errors.get());
  ::fcntl(errors, F_SETFD, FD_CLOEXEC);
  std::fflush(nullptr);  // what waits in buffers is written once
  const pid_t parent = ::getpid();
  const pid_t pid = ::fork();
  int error = pid < 0 ? errno : 0;
  if (pid == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent) ::_exit(127);
    ::fcntl(alive[1], F_SETFD, 0);  // stays open in what it becomes, and closes with it
    become({errors, failed[1], alive[1]});
  }
  ::close(failed[1]);
  ::close(alive[1]);
  const bool has_failed = pid < 0 || ::read(failed[0], &error, sizeof error) > 0;
  ::close(failed[0]);
  if (has_failed) {
    ::close(alive[0]);
    if (pid > 0) ::waitpid(pid, nullptr, 0);
    throw fail(error);
  }
  child.alive = alive[0];
  running_[pid] = std::move(child);
}

void ChildProcesses::Terminate(size_t first) {
  for (const auto& [pid, child] : running_) {
    if (child.index >= first) ::kill(pid, child.end_signal);
  }
}

// Until one hangs up, which is when it ends or a moment before.
void ChildProcesses::WaitAMoment() const {
  std::vector<pollfd> alive;
  for (const auto& [pid, child] : running_) alive.push_back({child.alive, POLLIN, 0});
  ::poll(alive.data(), alive.size(), kPollMs);
}

std::vector<EndedChild> ChildProcesses::Reap() {
  WaitAMoment();
  std::vector<EndedChild> ended;
  for (auto child = running_.begin(); child != running_.end();) {
    int status = 0;
    if (::waitpid(child->first, &status, WNOHANG) != child->first) {
      ++child;
      continue;
    }
    const int code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    ended.push_back({child->second.index, code, LastLine(child->second.errors.get())});
    ::close(child->second.alive);
    child = running_.erase(child);
  }
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
