// What a draft trace says in short: for `hat trace show`.
#pragma once

#include <string>
#include <vector>

#include "experiments/draft_trace.h"

namespace hat {

// Tokens a round over all rows, N output tokens each, if each round drafts while the confidence is
// at least `threshold`, up to `max_draft` (at most D - 1; protocol's rule for a round, without
// timing). 0 if there are no rounds. With every first proposal wrong it is 1; with every proposal
// right and threshold 0, N = 10 and max_draft 2, rounds yield 3, 3, 3 tokens: 3.
double TraceAcceptLength(const DraftTrace& trace, double threshold, int max_draft);

struct DraftTraceSummary {
  double first_right = 0;       // share of rows t whose first proposal is the target's token
  double mean_agreed = 0;       // proposals that agree, of D
  double second_of_misses = 0;  // share of first mismatches where the target's token has rank 2
  std::vector<double> medusa_right;  // a head: share with rank 1
};
DraftTraceSummary Summarize(const DraftTrace& trace);

// The header, the prompts' lengths and the figures above, for people.
std::string DescribeDraftTrace(const DraftTrace& trace);

}  // namespace hat
