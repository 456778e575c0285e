#include "cli/progress_line.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <utility>

namespace hat {

ProgressLine::ProgressLine(std::string title, bool is_wanted)
    : title_(std::move(title)), is_shown_(is_wanted && isatty(STDERR_FILENO)) {}

void ProgressLine::Show(Seconds simulated, int completed, std::optional<int> expected) {
  if (!is_shown_) return;
  const Clock::time_point now = Clock::now();
  if (now - last_ < std::chrono::milliseconds(250)) return;
  last_ = now;
  is_dirty_ = true;
  const double elapsed_s = std::chrono::duration<double>(now - start_).count();
  std::string line = fmt::format("\r{}: {} requests", title_, completed);
  if (expected && completed > 0) {
    const double left_s = elapsed_s * (*expected - completed) / completed;
    line += fmt::format(" of {} ({:.0f}%), {:.0f} s left", *expected, 100.0 * completed / *expected,
                        left_s);
  }
  line += fmt::format(", {:.0f} s simulated ({:.0f} x real time)\033[K", simulated.value(),
                      simulated.value() / elapsed_s);
  std::fputs(line.c_str(), stderr);
}

void ProgressLine::Clear() {
  if (is_dirty_) std::fputs("\r\033[K", stderr);
  is_dirty_ = false;
}

}  // namespace hat
