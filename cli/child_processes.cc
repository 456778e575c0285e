#include "cli/child_processes.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <sys/wait.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <map>
#include <memory>
#include <thread>

#include "core/error.h"

extern char** environ;

namespace hat {
namespace {

constexpr auto kPollInterval = std::chrono::milliseconds(10);

struct FileCloser {
  void operator()(std::FILE* file) const { std::fclose(file); }
};
using File = std::unique_ptr<std::FILE, FileCloser>;

struct Running {
  size_t index = 0;
  File errors;  // its stderr
};

using Failure = ChildrenResult::Failure;

class Children {
 public:
  Children() = default;
  Children(const Children&) = delete;
  Children& operator=(const Children&) = delete;
  ~Children() {  // nothing is left running behind an exception
    Terminate();
    while (!running_.empty()) Reap([](const Failure&) {});
  }

  size_t count() const { return running_.size(); }

  void Start(size_t index, const ChildProcess& child) {
    File errors(std::tmpfile());  // unnamed: nobody has to read it for the child to go on
    if (errors == nullptr) {
      throw RunError(fmt::format("cannot make a temporary file: {}", std::strerror(errno)));
    }
    ::fcntl(::fileno(errors.get()), F_SETFD, FD_CLOEXEC);
    std::vector<char*> argv;
    for (const std::string& word : child.words) argv.push_back(const_cast<char*>(word.c_str()));
    argv.push_back(nullptr);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, ::fileno(errors.get()), 2);
    pid_t pid = 0;
    const int error = ::posix_spawn(&pid, argv[0], &actions, nullptr, argv.data(), environ);
    posix_spawn_file_actions_destroy(&actions);
    if (error != 0) {
      throw RunError(fmt::format("cannot start '{}': {}", child.words[0], std::strerror(error)));
    }
    running_[pid] = {index, std::move(errors)};
  }

  // Those from `first` on.
  void Terminate(size_t first = 0) {
    for (const auto& [pid, child] : running_) {
      if (child.index >= first) ::kill(pid, SIGTERM);
    }
  }

  // Takes those that have ended; waits a moment if there are none. `exit_code` of the result may be
  // 0.
  void Reap(const std::function<void(const Failure&)>& on_end) {
    bool has_any = false;
    for (auto child = running_.begin(); child != running_.end();) {
      int status = 0;
      if (::waitpid(child->first, &status, WNOHANG) != child->first) {
        ++child;
        continue;
      }
      has_any = true;
      const Running ended = std::move(child->second);
      child = running_.erase(child);
      const int code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
      on_end({ended.index, code, LastLine(ended.errors.get())});
    }
    if (!has_any) std::this_thread::sleep_for(kPollInterval);
  }

 private:
  static std::string LastLine(std::FILE* file) {
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

  std::map<pid_t, Running> running_;
};

}  // namespace

ChildrenResult RunChildren(const std::vector<ChildProcess>& children, int jobs,
                           const std::function<bool()>& is_interrupted,
                           const std::function<void(int)>& on_end) {
  ChildrenResult result;
  Children running;
  size_t started = 0;
  int succeeded = 0;
  const auto must_stop = [&] { return result.is_interrupted || result.failure; };
  const auto take = [&](const Failure& ended) {
    if (ended.exit_code == 0) return on_end(++succeeded);
    const bool was_stopped =
        result.is_interrupted || (result.failure && ended.index > result.failure->index);
    if (was_stopped) return;
    result.failure = ended;
    running.Terminate(ended.index + 1);
  };
  while (running.count() > 0 || (started < children.size() && !must_stop())) {
    if (!result.is_interrupted && is_interrupted()) {
      result.is_interrupted = true;
      running.Terminate();
    }
    while (!must_stop() && started < children.size() &&
           running.count() < static_cast<size_t>(jobs)) {
      running.Start(started, children[started]);
      ++started;
    }
    running.Reap(take);
  }
  return result;
}

std::string ProgramFolder() {
  return std::filesystem::read_symlink("/proc/self/exe").parent_path();
}

}  // namespace hat
