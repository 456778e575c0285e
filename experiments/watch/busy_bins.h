// How much of the time resources are busy, in equal bins of time from 0 on. Where time goes beyond
// the last bin, two bins become one and each holds twice as much: memory does not grow with the
// run.
#pragma once

#include <cstddef>
#include <vector>

#include "core/units.h"

namespace hat {

class BusyBins {
 public:
  static constexpr size_t kBins = 128;

  explicit BusyBins(size_t resources) : busy_(resources * kBins) {}

  // The resource was busy, or one more of them was. 0 <= start <= end, finite.
  void Add(size_t resource, Seconds start, Seconds end);

  // Widens the bins so that they reach `end`.
  void Cover(Seconds end) {
    while (end > kBins * width_) DoubleWidth();
  }

  Seconds width() const { return width_; }
  // Summed over what was added, of time within the bin.
  Seconds Busy(size_t resource, size_t bin) const { return busy_[resource * kBins + bin]; }

 private:
  void DoubleWidth();

  Seconds width_ = Seconds(1.0 / 1024);  // a power of two: doubling is exact
  std::vector<Seconds> busy_;            // by resource, then bin
};

}  // namespace hat
