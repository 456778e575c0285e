// One line on stderr that says how much of a counted work is done, with the time left: on a
// terminal rewritten, elsewhere a new one a minute.
#pragma once

#include <chrono>
#include <string>

namespace hat {

class TraceProgress {
 public:
  TraceProgress(std::string title, std::string unit, int all)
      : title_(std::move(title)), unit_(std::move(unit)), all_(all) {}

  void Show(int done);  // of `all`
  void Clear() const;

 private:
  using Clock = std::chrono::steady_clock;
  std::string title_;
  std::string unit_;
  int all_;
  Clock::time_point start_ = Clock::now();
  Clock::time_point last_ = start_;
};

}  // namespace hat
