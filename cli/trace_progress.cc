#include "cli/trace_progress.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>

namespace hat {

void TraceProgress::Show(int done) {
  const bool is_terminal = isatty(STDERR_FILENO);
  const Clock::time_point now = Clock::now();
  if (done < 1 || now - last_ < std::chrono::milliseconds(is_terminal ? 250 : 60'000)) return;
  last_ = now;
  const double left_s = std::chrono::duration<double>(now - start_).count() * (all_ - done) / done;
  const std::string line =
      fmt::format("{}: {} of {} {}, {:.0f} s left", title_, done, all_, unit_, left_s);
  std::fputs((is_terminal ? "\r" + line + "\033[K" : line + "\n").c_str(), stderr);
}

void TraceProgress::Clear() const {
  if (isatty(STDERR_FILENO)) std::fputs("\r\033[K", stderr);
}

}  // namespace hat
