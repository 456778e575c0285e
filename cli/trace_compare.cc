#include "cli/trace_compare.h"

#include <fmt/format.h>

#include <algorithm>

namespace hat {
namespace {

bool Explains(const NearTie& tie, const TraceRound& at, const RoundEvent& live) {
  // Output indices count from 0, so the round decides about at.token and those after it.
  switch (tie.decision) {
    case NearTie::Decision::kToken:
      return tie.output_index <= at.token + live.accepted;
    case NearTie::Decision::kProposal:
    case NearTie::Decision::kConfidence:
      return tie.output_index >= at.token && tie.output_index <= at.token + live.drafted;
    case NearTie::Decision::kBranch:  // decides about waste alone
      return false;
  }
  return false;
}

}  // namespace

std::optional<TraceDifference> CompareRounds(int row, const Generation& live,
                                             std::span<const TraceRound> replayed,
                                             const ReplayedRequest& simulated) {
  RoundTotals totals;
  totals.Add(replayed);
  if (simulated.rounds != totals.rounds || simulated.drafted != totals.drafted ||
      simulated.accepted != totals.accepted) {
    return TraceDifference{
        row,
        fmt::format("simulated {} rounds, {} drafted, {} accepted; by the trace {}, {}, {}",
                    simulated.rounds, simulated.drafted, simulated.accepted, totals.rounds,
                    totals.drafted, totals.accepted),
        {}};
  }
  for (size_t i = 0; i < std::min(live.rounds.size(), replayed.size()); ++i) {
    const RoundEvent& round = live.rounds[i];
    const TraceRound& other = replayed[i];
    if (round.drafted == other.drafted && round.accepted == other.accepted) continue;
    TraceDifference difference{
        row,
        fmt::format("round {}, after output token {}: live {} drafted, {} kept; replayed {}, {}",
                    i + 1, other.token, round.drafted, round.accepted, other.drafted,
                    other.accepted),
        {}};
    // The latest is the likeliest.
    for (const NearTie& tie : live.near_ties) {
      if (Explains(tie, other, round)) difference.near_tie = tie;
    }
    return difference;
  }
  if (live.rounds.size() == replayed.size()) return std::nullopt;
  return TraceDifference{
      row, fmt::format("live {} rounds, replayed {}", live.rounds.size(), replayed.size()), {}};
}

}  // namespace hat
