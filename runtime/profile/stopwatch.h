// Wall-clock time of work on a device that may run behind the program.
#pragma once

#include <chrono>

#include "runtime/model/compute.h"

namespace hat {

// One sample of an operation.
struct TimedCall {
  double us = 0;        // the operation's time
  double spent_us = 0;  // all that was timed for it: every copy, and calls to be subtracted
};

// How long `work` takes, in us: the device has nothing left to do before it and after it.
template <typename Work>
double TimeUs(const Compute& compute, const Work& work) {
  Synchronize(compute);
  const auto start = std::chrono::steady_clock::now();
  work();
  Synchronize(compute);
  return std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - start)
      .count();
}

}  // namespace hat
