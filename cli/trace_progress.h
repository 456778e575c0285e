// How much of a counted work is done, with the time left, on stderr.
#pragma once

#include <chrono>
#include <string>

#include "cli/stderr_line.h"

namespace hat {

class TraceProgress {
 public:
  TraceProgress(std::string title, std::string unit, int all)
      : title_(std::move(title)), unit_(std::move(unit)), all_(all) {}

  void Show(int done);  // of `all`
  void Clear() { line_.Clear(); }

 private:
  using Clock = std::chrono::steady_clock;
  std::string title_;
  std::string unit_;
  int all_;
  Clock::time_point start_ = Clock::now();
  StderrLine line_{std::chrono::seconds(60)};
};

}  // namespace hat
