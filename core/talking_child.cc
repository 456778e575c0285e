#include "core/talking_child.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <thread>
#include <utility>

#include "core/error.h"

namespace hat {
namespace {

using Clock = std::chrono::steady_clock;
constexpr size_t kKeptErrors = 4096;  // bytes

class Pipe {
 public:
  Pipe() {
    if (::pipe2(ends_, O_CLOEXEC) != 0) {
      throw RunError(fmt::format("cannot make a pipe: {}", std::strerror(errno)));
    }
  }
  ~Pipe() {
    for (const int end : ends_) {
      if (end >= 0) ::close(end);
    }
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;

  int read_end() const { return ends_[0]; }
  int write_end() const { return ends_[1]; }
  int TakeReadEnd() { return std::exchange(ends_[0], -1); }
  int TakeWriteEnd() { return std::exchange(ends_[1], -1); }

 private:
  int ends_[2] = {-1, -1};
};

// Appends what can be read at once. False: the other end is closed.
bool Drain(int fd, std::string& text) {
  char buffer[4096];
  for (;;) {
    const ssize_t size = ::read(fd, buffer, sizeof buffer);
    if (size > 0) text.append(buffer, static_cast<size_t>(size));
    if (size == 0) return false;
    if (size < 0) return errno == EAGAIN || errno == EINTR;
  }
}

}  // namespace

TalkingChild::TalkingChild(std::string name, const std::vector<std::string>& words)
    : name_(std::move(name)) {
  std::vector<char*> argv;
  for (const std::string& word : words) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  Pipe in, out, err, failed;
  const pid_t parent = ::getpid();
  pid_ = ::fork();
  if (pid_ == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    // Ctrl-C is this program's: it ends its children in order.
    if (::getppid() == parent && ::setpgid(0, 0) == 0 && ::dup2(in.read_end(), 0) == 0 &&
        ::dup2(out.write_end(), 1) == 1 && ::dup2(err.write_end(), 2) == 2) {
      ::execvp(argv[0], argv.data());
    }
    const int error = errno;
    if (::write(failed.write_end(), &error, sizeof error) < 0) ::_exit(126);
    ::_exit(127);
  }
  int error = pid_ < 0 ? errno : 0;
  ::close(failed.TakeWriteEnd());
  if (error != 0 || ::read(failed.read_end(), &error, sizeof error) > 0) {
    if (pid_ > 0) ::waitpid(pid_, nullptr, 0);
    throw RunError(fmt::format("cannot start '{}': {}", words[0], std::strerror(error)));
  }
  in_ = in.TakeWriteEnd();
  out_ = out.TakeReadEnd();
  err_ = err.TakeReadEnd();
  for (const int end : {out_, err_}) ::fcntl(end, F_SETFL, O_NONBLOCK);
}

TalkingChild::~TalkingChild() {
  ::close(in_);
  for (const int signal : {0, SIGTERM, SIGKILL}) {
    if (signal != 0 && !is_reaped_) ::kill(pid_, signal);
    const auto end = Clock::now() + std::chrono::duration<double>(kPatience_s);
    while (!Reap(false) && Clock::now() < end) Read(20);
  }
  if (!is_reaped_) Reap(true);
  ::close(out_);
  ::close(err_);
}

bool TalkingChild::Reap(bool waits) {
  int status = 0;
  if (is_reaped_ || ::waitpid(pid_, &status, waits ? 0 : WNOHANG) != pid_) return is_reaped_;
  exit_code_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return is_reaped_ = true;
}

void TalkingChild::Read(int timeout_ms) {
  pollfd ends[] = {{out_, POLLIN, 0}, {err_, POLLIN, 0}};
  ::poll(ends, 2, timeout_ms);
  const bool is_open = Drain(out_, text_);
  const bool has_errors = Drain(err_, errors_);
  if (!is_open && !has_errors && timeout_ms > 0) {  // it ends: poll no longer waits
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  if (errors_.size() > kKeptErrors) errors_.erase(0, errors_.size() - kKeptErrors);
  for (size_t end = text_.find('\n'); end != std::string::npos; end = text_.find('\n')) {
    lines_.push_back(text_.substr(0, end));
    text_.erase(0, end + 1);
  }
}

std::string TalkingChild::last_error() {
  Read(0);
  const size_t last = errors_.find_last_not_of(" \n\r\t");
  if (last == std::string::npos) return "";
  const size_t begin = errors_.rfind('\n', last);
  return errors_.substr(begin == std::string::npos ? 0 : begin + 1, last - begin);
}

std::string TalkingChild::WhyItEnded() {
  std::string error = last_error();
  if (error.starts_with("hat ")) {  // a program of ours, whose name says less than the child's
    const size_t words = error.find(": ");
    if (words != std::string::npos) error.erase(0, words + 2);
  }
  if (!error.empty()) return fmt::format("{}: {}", name_, error);
  const int signal = exit_code_ - 128;
  if (signal > 0 && signal < NSIG) {
    return fmt::format("{} was ended by signal {} ({})", name_, signal, ::strsignal(signal));
  }
  return fmt::format("{} ended with code {}", name_, exit_code_);
}

void TalkingChild::Say(const std::string& line) { Send(line + "\n"); }

void TalkingChild::Send(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::write(in_, bytes.data(), bytes.size());
    if (sent >= 0) {
      bytes.remove_prefix(static_cast<size_t>(sent));
    } else if (errno != EINTR) {
      const auto end = Clock::now() + std::chrono::duration<double>(kPatience_s);
      while (!Reap(false) && Clock::now() < end) Read(20);  // it has closed its stdin: it ends
      throw RunError(WhyItEnded());
    }
  }
}

std::optional<std::string> TalkingChild::TryHear() {
  if (lines_.empty()) Read(0);
  if (lines_.empty()) return std::nullopt;
  std::string line = std::move(lines_.front());
  lines_.pop_front();
  return line;
}

std::string TalkingChild::Hear(double timeout_s, const std::function<void()>& meanwhile) {
  const auto end = Clock::now() + std::chrono::duration<double>(timeout_s);
  for (;;) {
    if (std::optional<std::string> line = TryHear()) return *line;
    if (Reap(false)) {
      Read(0);
      if (lines_.empty()) throw RunError(WhyItEnded());
      continue;
    }
    if (Clock::now() >= end) {
      throw RunError(fmt::format("{} said nothing for {:g} s", name_, timeout_s));
    }
    if (meanwhile) meanwhile();
    Read(20);
  }
}

bool TalkingChild::has_ended() { return Reap(false); }

void TalkingChild::Terminate() {
  if (!is_reaped_) ::kill(pid_, SIGTERM);
}

void TalkingChild::Kill() {
  if (!is_reaped_) ::kill(pid_, SIGKILL);
}

}  // namespace hat
