#include "experiments/traces/draft_trace_rounds.h"

#include <algorithm>

#include "core/error.h"
#include "protocol/policies/drafting.h"

namespace hat {
namespace {

double Share(int64_t part, int64_t whole) {
  return whole > 0 ? static_cast<double>(part) / static_cast<double>(whole) : 0;
}

}  // namespace

std::vector<TraceRound> DraftRounds(const DraftTrace& trace, int row, double threshold,
                                    int max_draft) {
  const DraftTraceInfo& info = trace.info();
  HAT_CHECK(max_draft >= 0 && max_draft <= std::max(0, info.max_steps - 1));
  std::vector<TraceRound> rounds;
  for (int t = 1; t < info.output_tokens; t += rounds.back().accepted + 1) {
    const TraceRow values = trace.Row(row, t);
    const int most = std::min(max_draft, info.output_tokens - t - 1);
    int drafted = 0;
    while (drafted < most && Reaches(values.confidences[static_cast<size_t>(drafted)], threshold)) {
      ++drafted;
    }
    rounds.push_back({t, drafted, std::min(drafted, values.agreed)});
  }
  return rounds;
}

std::vector<TraceRound> TreeRounds(const DraftTrace& trace, int row, const Tree& tree) {
  const DraftTraceInfo& info = trace.info();
  HAT_CHECK(tree.max_depth() <= info.medusa_heads);
  std::vector<TraceRound> rounds;
  for (int t = 1; t < info.output_tokens; t += rounds.back().accepted + 1) {
    const TraceRow values = trace.Row(row, t);
    const Tree cut = CutTree(tree, info.output_tokens - t - 1);
    int accepted = 0;
    int32_t place = 0;
    for (int32_t node = 1; node < cut.size(); ++node) {
      const auto i = static_cast<size_t>(node);
      if (cut.parents[i] != place) continue;
      if (values.medusa_ranks[static_cast<size_t>(cut.depths[i]) - 1] != cut.ranks[i]) continue;
      place = node;
      ++accepted;
    }
    rounds.push_back({t, cut.size() - 1, accepted});
  }
  return rounds;
}

void RoundTotals::Add(std::span<const TraceRound> of_one_row) {
  for (const TraceRound& round : of_one_row) {
    ++rounds;
    drafted += round.drafted;
    accepted += round.accepted;
  }
}

void RoundTotals::Add(const RoundTotals& other) {
  rounds += other.rounds;
  drafted += other.drafted;
  accepted += other.accepted;
}

double RoundTotals::AcceptLength() const { return Share(rounds + accepted, rounds); }
double RoundTotals::AcceptedShare() const { return Share(accepted, drafted); }

}  // namespace hat
