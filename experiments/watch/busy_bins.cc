#include "experiments/watch/busy_bins.h"

#include <algorithm>

namespace hat {

void BusyBins::Add(size_t resource, Seconds start, Seconds end) {
  Cover(end);
  Seconds* const bins = &busy_[resource * kBins];
  for (auto bin = static_cast<size_t>(start / width_); start < end; ++bin) {
    const Seconds until = std::min(end, static_cast<double>(bin + 1) * width_);
    bins[bin] += until - start;
    start = until;
  }
}

void BusyBins::DoubleWidth() {
  width_ = 2 * width_;
  for (size_t first = 0; first < busy_.size(); first += kBins) {
    for (size_t bin = 0; bin < kBins; ++bin) {
      const Seconds both =
          bin < kBins / 2 ? busy_[first + 2 * bin] + busy_[first + 2 * bin + 1] : Seconds();
      busy_[first + bin] = both;
    }
  }
}

}  // namespace hat
