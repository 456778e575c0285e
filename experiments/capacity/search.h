// The largest rate at which something still holds, by bisection: what to try next, from what was
// tried. It tries nothing itself.
//
// From the start the rate doubles while it holds, or halves while it does not, at most
// kMostDoublings times, until one rate holds and a higher one does not; then the bracket is halved
// in the logarithm until its ratio is at most 1 + tolerance. All rates are start x 2^(i / n), n a
// power of 2, so that searches from one start try the same rates and can share what was found
// there. Where what holds is not monotone, the bracket still ends at a rate that held below one
// that did not.
//
// Noise makes rates near the limit unsure. Such a bracket is where the mean over seeds crosses;
// where the limit surely is, is then looked for outwards from it on both sides, in steps that
// double, to half of what was found, at most to half and to twice the limit.
//
// Worked number: n = 64 for a tolerance of 2% (2^(1/64) = 1.0109, and 2^(1/32) = 1.0219 is too
// wide); start 6, true limit 10: tried 6, 12, 8.4853, 10.0908, 9.2533, 9.6629, 9.8745, 9.9821;
// found 9.9821, in a bracket up to 10.0908.
#pragma once

#include <optional>
#include <vector>

namespace hat {

inline constexpr int kMostDoublings = 10;

// What a rate has shown. It is sure unless noise might have turned it: statistics over seeds.
struct Trial {
  double rate = 0;
  bool holds = false;
  bool is_sure = true;
};

struct RateLimit {
  enum class Kind {
    kFound,
    kNeverHolds,   // not even at the lowest rate tried
    kAlwaysHolds,  // up to the highest rate tried: the limit is above
  };
  Kind kind = Kind::kFound;
  std::optional<double> rate;  // the largest one tried that holds; nothing if none does
  // Where the limit surely is: between the largest rate that surely holds, with no unsure or
  // failing one below it, and the least one that surely does not, likewise. Nothing where no such
  // was tried.
  std::optional<double> low, high;
  // The bracket is inside the tolerance, yet `low` or `high` is outside it: more seeds would tell
  // more, a finer search would not.
  bool is_limited_by_seeds = false;
};

class CapacitySearch {
 public:
  // Both > 0; the tolerance is at most 1.
  CapacitySearch(double start, double tolerance);

  std::optional<double> Next() const;   // the rate to be tried; nothing when the search is over
  void Take(bool holds, bool is_sure);  // of Next()

  const std::vector<Trial>& trials() const { return trials_; }  // in the order in which they came
  int ExpectedLeft() const;  // trials to come, if the limit is near
  RateLimit Limit() const;   // once it is over
  // The trial at the limit's rate, and the least one that fails; by index, nothing if there is
  // none.
  std::optional<size_t> HoldingTrial() const { return TrialAt(holds_at_); }
  std::optional<size_t> FailingTrial() const { return TrialAt(fails_at_); }

 private:
  std::optional<int> NextStep() const;
  std::optional<int> NextBracketStep() const;
  std::optional<int> NextEdgeStep(int inside, bool is_low) const;
  double RateAt(int step) const;
  std::optional<size_t> TrialAt(std::optional<int> step) const;

  const double start_;
  int steps_ = 1;  // n of a doubling
  std::vector<Trial> trials_;
  std::vector<int> steps_of_trials_;
  std::optional<int> holds_at_, fails_at_;  // the bracket, in steps from the start
};

}  // namespace hat
