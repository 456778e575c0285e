#include "cli/stderr_line.h"

#include <unistd.h>

#include <cstdio>

namespace hat {
namespace {

bool IsTerminal() { return isatty(STDERR_FILENO); }

}  // namespace

void StderrLine::Clear() {
  if (has_shown_ && IsTerminal()) std::fputs("\r\033[K", stderr);
  has_shown_ = false;
}

bool StderrLine::IsDue() const {
  const auto pause =
      IsTerminal() ? std::chrono::milliseconds(250) : std::chrono::milliseconds(pause_elsewhere_);
  return Clock::now() - last_ >= pause;
}

void StderrLine::Show(const std::string& line) {
  last_ = Clock::now();
  has_shown_ = true;
  std::fputs((IsTerminal() ? "\r" + line + "\033[K" : line + "\n").c_str(), stderr);
}

}  // namespace hat
