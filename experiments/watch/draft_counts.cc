#include "experiments/watch/draft_counts.h"

namespace hat {
namespace {

// [j - 1]: how many values were j or more.
std::vector<int64_t> AtLeast(const std::vector<int64_t>& counts, size_t size) {
  std::vector<int64_t> at_least(size);
  int64_t sum = 0;
  for (size_t value = counts.size(); value-- > 1;) {
    sum += counts[value];
    if (value <= size) at_least[value - 1] = sum;
  }
  return at_least;
}

}  // namespace

std::vector<int64_t> DraftCounts::DraftedAt() const {
  return AtLeast(by_depth_, by_depth_.empty() ? 0 : by_depth_.size() - 1);
}

std::vector<int64_t> DraftCounts::AcceptedAt() const {
  return AtLeast(by_accepted_, by_depth_.empty() ? 0 : by_depth_.size() - 1);
}

}  // namespace hat
