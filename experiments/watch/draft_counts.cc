#include "experiments/watch/draft_counts.h"

namespace hat {
namespace {

void AddTo(std::vector<int64_t>& sums, const std::vector<int64_t>& counts) {
  if (sums.size() < counts.size()) sums.resize(counts.size());
  for (size_t i = 0; i < counts.size(); ++i) sums[i] += counts[i];
}

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

void DraftCounts::Add(const DraftCounts& other) {
  AddTo(by_depth_, other.by_depth_);
  AddTo(by_accepted_, other.by_accepted_);
}

void DraftCounts::Clear() {
  by_depth_.clear();
  by_accepted_.clear();
}

std::vector<int64_t> DraftCounts::DraftedAt() const {
  return AtLeast(by_depth_, by_depth_.empty() ? 0 : by_depth_.size() - 1);
}

std::vector<int64_t> DraftCounts::AcceptedAt() const {
  return AtLeast(by_accepted_, by_depth_.empty() ? 0 : by_depth_.size() - 1);
}

}  // namespace hat
