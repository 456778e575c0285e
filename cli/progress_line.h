// How far long work has come, with the time left: one line on stderr, on a terminal rewritten four
// times a second and wiped in the end, elsewhere a new line now and then, or none.
#pragma once

#include <chrono>
#include <optional>
#include <string>

namespace hat {

class ProgressLine {
 public:
  // `pause_elsewhere`: between two lines where stderr is no terminal; none are written without it.
  explicit ProgressLine(std::optional<std::chrono::seconds> pause_elsewhere = std::nullopt);
  ~ProgressLine() { Clear(); }
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;

  // The work goes on from an earlier run, with this share of it done: time counts from here.
  void BeginAt(double share);
  double elapsed_s() const;

  bool IsDue() const;  // false: Show() would come too soon
  // "WHAT, 12 s left" where the share of the work that is done, 0..1, tells.
  void Show(const std::string& what, std::optional<double> share);
  void Clear();  // wipes it, for other words

 private:
  using Clock = std::chrono::steady_clock;
  bool is_terminal_;
  std::optional<Clock::duration> pause_;
  bool has_shown_ = false;
  Clock::time_point start_ = Clock::now();
  Clock::time_point last_ = start_;
  double share_at_start_ = 0;
};

}  // namespace hat
