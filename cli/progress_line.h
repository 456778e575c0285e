// One line on stderr that shows how far a simulation has come, with the time left. Only on a
// terminal, four times a second.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "core/units.h"

namespace hat {

class ProgressLine {
 public:
  ProgressLine(std::string title, bool is_wanted);

  // Cheap: looks at the wall clock only now and then.
  void Show(Seconds simulated, int completed, std::optional<int> expected);
  void Clear();

 private:
  using Clock = std::chrono::steady_clock;
  std::string title_;
  bool is_shown_;
  Clock::time_point start_ = Clock::now();
  Clock::time_point last_ = start_;
  bool is_dirty_ = false;
};

}  // namespace hat
