// How far long work has come, with the time left: one line on stderr, on a terminal rewritten four
// times a second and wiped in the end, elsewhere a new line now and then, or none.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>

#include "core/progress.h"

namespace hat {

class ProgressLine {
 public:
  // `pause_elsewhere`: between two lines where stderr is no terminal; none are written without it.
  explicit ProgressLine(std::optional<std::chrono::seconds> pause_elsewhere = std::nullopt);
  ~ProgressLine() { Clear(); }
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;

  // Writes "WORDS, 12 s left" unless it would come too soon after the last one; `words` is asked
  // only then.
  void Update(const Progress& now, const std::function<std::string()>& words);
  // Since the line was made or, where the work counts from its first report, since that.
  double elapsed_s() const;
  void Clear();  // wipes it, for other words

 private:
  using Clock = std::chrono::steady_clock;
  bool IsDue() const { return pause_ && Clock::now() - last_ >= *pause_; }

  bool is_terminal_;
  std::optional<Clock::duration> pause_;
  bool has_shown_ = false;
  Clock::time_point start_ = Clock::now();
  Clock::time_point last_ = start_;
  bool has_begun_ = false;
  double done_at_start_ = 0;
};

}  // namespace hat
