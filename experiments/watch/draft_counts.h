// What rounds drafted and kept, position by position: the histogram of accepted proposals, and how
// often each position of a draft was reached and kept. A draft's positions count from 1; in a tree
// the position is the depth.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace hat {

class DraftCounts {
 public:
  // Rounds whose draft was `depth` positions deep, of which `accepted` were kept.
  void Add(int depth, int accepted, int64_t rounds = 1) {
    Count(by_depth_, depth, rounds);
    Count(by_accepted_, accepted, rounds);
  }

  // [a]: rounds that kept a proposals, up to the most that occurred. They sum to the rounds.
  const std::vector<int64_t>& by_accepted() const { return by_accepted_; }
  // [j - 1]: rounds that drafted position j; of these, those that kept it. Both are as long as the
  // deepest draft. Worked numbers: drafts of 2, 2 and 1 tokens of which 2, 0 and 1 are kept were
  // drafted {3, 2} and accepted {2, 1} times.
  std::vector<int64_t> DraftedAt() const;
  std::vector<int64_t> AcceptedAt() const;

 private:
  static void Count(std::vector<int64_t>& counts, int value, int64_t times) {
    const auto i = static_cast<size_t>(value);
    if (i >= counts.size()) counts.resize(i + 1);
    counts[i] += times;
  }

  std::vector<int64_t> by_depth_, by_accepted_;
};

}  // namespace hat
