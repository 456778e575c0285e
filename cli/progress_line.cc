#include "cli/progress_line.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>

namespace hat {

ProgressLine::ProgressLine(std::optional<std::chrono::seconds> pause_elsewhere)
    : is_terminal_(isatty(STDERR_FILENO)) {
  if (pause_elsewhere) pause_ = *pause_elsewhere;
  if (is_terminal_) pause_ = std::chrono::milliseconds(250);
}

double ProgressLine::elapsed_s() const {
  return std::chrono::duration<double>(Clock::now() - start_).count();
}

void ProgressLine::Update(const Progress& now, const std::function<std::string()>& words) {
  if (!has_begun_ && now.counts_from_first) {
    start_ = Clock::now();
    done_at_start_ = now.done;
  }
  has_begun_ = true;
  if (!IsDue()) return;
  last_ = Clock::now();
  has_shown_ = true;
  std::string line = words();
  const double done = now.done - done_at_start_;
  if (now.total && done > 0) {
    line += fmt::format(", {:.0f} s left", elapsed_s() * (*now.total - now.done) / done);
  }
  std::fputs((is_terminal_ ? "\r" + line + "\033[K" : line + "\n").c_str(), stderr);
}

void ProgressLine::Clear() {
  if (has_shown_ && is_terminal_) std::fputs("\r\033[K", stderr);
  has_shown_ = false;
}

}  // namespace hat
