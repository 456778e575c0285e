#include "tests/bench/times.h"

#include <time.h>

#include <algorithm>
#include <vector>

namespace hat {
namespace {

double Now(Clock clock) {
  timespec now{};
  clock_gettime(clock == Clock::kWall ? CLOCK_MONOTONIC : CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

}  // namespace

Times TimesOf(int repeats, const std::function<void()>& body, Clock clock) {
  std::vector<double> seconds;
  for (int i = 0; i < repeats + 2; ++i) {
    const double start = Now(clock);
    body();
    if (i >= 2) seconds.push_back(Now(clock) - start);
  }
  std::sort(seconds.begin(), seconds.end());
  return {seconds[seconds.size() / 2], seconds.front()};
}

}  // namespace hat
