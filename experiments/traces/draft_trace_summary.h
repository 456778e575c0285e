// What a draft trace says in short: for `hat trace show`.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "experiments/traces/draft_trace.h"
#include "experiments/traces/draft_trace_rounds.h"

namespace hat {

// Over all rows, N output tokens each, if each round drafts while the confidence is at least
// `threshold`, up to `max_draft` (D - 1 at most). The accept length is 1 with every first proposal
// wrong; with every proposal right and threshold 0, N = 10 and max_draft 2, rounds yield 3, 3, 3
// tokens: 3.
RoundTotals DraftTotals(const DraftTrace& trace, double threshold, int max_draft);

// Likewise of u-medusa with a tree, cut to M heads.
RoundTotals TreeTotals(const DraftTrace& trace, const Tree& tree);

// How often proposals are right: a group of them.
struct RightShare {
  int64_t count = 0;
  double confidence = 0;  // mean of theirs
  double right = 0;       // share of them
};
// First proposals by confidence, in `bins` of equal width over 0..1.
std::vector<RightShare> Reliability(std::span<const DraftTrace> traces, int bins);
// j-th proposals, j = 1..D, after j - 1 right ones.
std::vector<RightShare> RightAtSteps(std::span<const DraftTrace> traces);

struct DraftTraceSummary {
  double first_right = 0;       // share of rows t whose first proposal is the target's token
  double mean_agreed = 0;       // proposals that agree, of D
  double second_of_misses = 0;  // share of first mismatches where the target's token has rank 2
  std::vector<double> medusa_right;  // a head: share with rank 1
};
DraftTraceSummary Summarize(const DraftTrace& trace);

// The calibrated drafter whose confidences spread as the trace's first proposals do (by moments).
// Its accept length is to be that of the trace.
struct DrawnAlike {
  double concentration = 0;
  double request_correlation = 0;  // of two confidences of one row, over all variance
};
DrawnAlike DrawnAlikeOf(const DraftTrace& trace);  // max_steps > 0, at least two rows and tokens

// A Markdown table: for the prompts of each group, and for all, the accept lengths at thresholds 0,
// 0.4, 0.6 and 0.8 and of Medusa's default tree. groups: of each prompt row; their order is that of
// their first rows.
std::string AcceptLengthsByGroup(const DraftTrace& trace, const std::vector<std::string>& groups);

// The header, the prompts' lengths and the figures above, for people.
std::string DescribeDraftTrace(const DraftTrace& trace);

}  // namespace hat
