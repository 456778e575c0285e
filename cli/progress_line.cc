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

void ProgressLine::BeginAt(double share) {
  start_ = Clock::now();
  share_at_start_ = share;
}

double ProgressLine::elapsed_s() const {
  return std::chrono::duration<double>(Clock::now() - start_).count();
}

bool ProgressLine::IsDue() const { return pause_ && Clock::now() - last_ >= *pause_; }

void ProgressLine::Show(const std::string& what, std::optional<double> share) {
  last_ = Clock::now();
  has_shown_ = true;
  std::string line = what;
  if (share && *share > share_at_start_) {
    line += fmt::format(", {:.0f} s left", elapsed_s() * (1 - *share) / (*share - share_at_start_));
  }
  std::fputs((is_terminal_ ? "\r" + line + "\033[K" : line + "\n").c_str(), stderr);
}

void ProgressLine::Clear() {
  if (has_shown_ && is_terminal_) std::fputs("\r\033[K", stderr);
  has_shown_ = false;
}

}  // namespace hat
