// One line on stderr that says how far long work has come: on a terminal rewritten four times a
// second and wiped in the end, elsewhere a new line now and then.
#pragma once

#include <chrono>
#include <string>

namespace hat {

class StderrLine {
 public:
  explicit StderrLine(std::chrono::seconds pause_elsewhere) : pause_elsewhere_(pause_elsewhere) {}
  ~StderrLine() { Clear(); }
  StderrLine(const StderrLine&) = delete;
  StderrLine& operator=(const StderrLine&) = delete;

  bool IsDue() const;  // false: Show() would come too soon
  void Show(const std::string& line);
  void Clear();  // wipes it, for other words

 private:
  using Clock = std::chrono::steady_clock;
  std::chrono::seconds pause_elsewhere_;
  bool has_shown_ = false;
  Clock::time_point last_ = Clock::now();
};

}  // namespace hat
