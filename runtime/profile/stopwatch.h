// Wall-clock time of work on a device that may run behind the program.
#pragma once

#include <chrono>
#include <thread>
#include <utility>

#include "core/units.h"
#include "runtime/model/compute.h"

namespace hat {

// One sample of an operation.
struct TimedCall {
  double us = 0;  // the operation's time
  double spent_us =
      0;  // all that was timed for it (every copy, and calls to be subtracted), and pauses
};

// Times work, each time after an idle pause. Without one the processor's caches, clock and branch
// predictors are as a device has them that computes on and on; after one, as it has them that had
// waited for a frame.
class Stopwatch {
 public:
  explicit Stopwatch(Compute compute, Seconds pause = Seconds())
      : compute_(std::move(compute)), pause_(pause.value()) {}

  // How long `work` takes, in us: the device has nothing left to do before it and after it.
  template <typename Work>
  double TimeUs(const Work& work) {
    using Clock = std::chrono::steady_clock;
    const auto us = [](Clock::duration duration) {
      return std::chrono::duration<double, std::micro>(duration).count();
    };
    Synchronize(compute_);
    const Clock::time_point begin = Clock::now();
    if (pause_.count() > 0) std::this_thread::sleep_for(pause_);
    const Clock::time_point start = Clock::now();
    work();
    Synchronize(compute_);
    const Clock::time_point end = Clock::now();
    spent_us_ += us(end - begin);
    return us(end - start);
  }

  // What its calls have spent since this was last asked, in us.
  double TakeSpentUs() { return std::exchange(spent_us_, 0); }

 private:
  Compute compute_;
  std::chrono::duration<double> pause_;
  double spent_us_ = 0;
};

}  // namespace hat
