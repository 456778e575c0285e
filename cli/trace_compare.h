// A live run beside the replay of its draft trace: did every round draft and keep as many tokens?
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "cli/trace_replay.h"
#include "experiments/traces/draft_trace_rounds.h"
#include "runtime/session/generation.h"

namespace hat {

struct TraceDifference {
  int row = 0;                      // of the prompts
  std::string text;                 // what differs first
  std::optional<NearTie> near_tie;  // of the live run, which may have made it; none: a failure
};

// `live`: the model's own run on the prompt of `row`; `replayed`: the rounds that the trace yields
// under the same policy; `simulated`: what `hat simulate` made of the row. Nothing if all three
// agree on every round (the simulated one on the sums, which is all that it tells). A near tie
// explains the first round that differs if it lies in one of that round's own decisions, or in a
// token that was committed before: the text may differ since then without a round having shown it.
std::optional<TraceDifference> CompareRounds(int row, const Generation& live,
                                             std::span<const TraceRound> replayed,
                                             const ReplayedRequest& simulated);

}  // namespace hat
