// How far long work has come: what every job tells that takes a while. cli/progress_line.h shows
// it.
#pragma once

#include <optional>

namespace hat {

struct Progress {
  double done = 0;              // in units of the job's own: requests, visits, shares of the whole
  std::optional<double> total;  // of the same; nothing where nobody knows
  // The time left follows from what is done after the first report: an earlier run did a part of
  // what stands there, or its preparation took longer than its work.
  bool counts_from_first = false;
};

}  // namespace hat
