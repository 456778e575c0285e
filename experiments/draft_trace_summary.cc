#include "experiments/draft_trace_summary.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace hat {
namespace {

double Share(double part, double whole) { return whole > 0 ? part / whole : 0; }

std::string Describe(const RoundTotals& totals) {
  return fmt::format("accept length    {:.3f}, {:.1f}% of {} drafted tokens accepted",
                     totals.AcceptLength(), 100 * totals.AcceptedShare(), totals.drafted);
}

// Calls per_row(row's values) for all of all traces.
template <typename PerRow>
void ForEachRow(std::span<const DraftTrace> traces, const PerRow& per_row) {
  for (const DraftTrace& trace : traces) {
    for (int row = 0; row < trace.rows(); ++row) {
      for (int t = 1; t < trace.info().output_tokens; ++t) per_row(trace.Row(row, t));
    }
  }
}

void AddTo(RightShare& share, float confidence, bool is_right) {
  ++share.count;
  share.confidence += confidence;
  share.right += is_right;
}

std::vector<RightShare> Means(std::vector<RightShare> sums) {
  for (RightShare& share : sums) {
    share.confidence = Share(share.confidence, static_cast<double>(share.count));
    share.right = Share(share.right, static_cast<double>(share.count));
  }
  return sums;
}

}  // namespace

RoundTotals DraftTotals(const DraftTrace& trace, double threshold, int max_draft) {
  const int longest = std::clamp(trace.info().max_steps - 1, 0, max_draft);
  RoundTotals totals;
  for (int row = 0; row < trace.rows(); ++row) {
    totals.Add(DraftRounds(trace, row, threshold, longest));
  }
  return totals;
}

RoundTotals TreeTotals(const DraftTrace& trace, const Tree& tree) {
  const Tree cut = CutTree(tree, trace.info().medusa_heads);
  RoundTotals totals;
  for (int row = 0; row < trace.rows(); ++row) totals.Add(TreeRounds(trace, row, cut));
  return totals;
}

std::vector<RightShare> Reliability(std::span<const DraftTrace> traces, int bins) {
  std::vector<RightShare> shares(static_cast<size_t>(bins));
  ForEachRow(traces, [&](const TraceRow& values) {
    if (values.confidences.empty()) return;
    const float confidence = values.confidences[0];
    const int bin =
        std::clamp(static_cast<int>(confidence * static_cast<float>(bins)), 0, bins - 1);
    AddTo(shares[static_cast<size_t>(bin)], confidence, values.agreed > 0);
  });
  return Means(std::move(shares));
}

std::vector<RightShare> RightAtSteps(std::span<const DraftTrace> traces) {
  std::vector<RightShare> shares;
  ForEachRow(traces, [&](const TraceRow& values) {
    const auto agreed = static_cast<size_t>(values.agreed);
    for (size_t j = 0; j < std::min(agreed + 1, values.confidences.size()); ++j) {
      if (j >= shares.size()) shares.emplace_back();
      AddTo(shares[j], values.confidences[j], j < agreed);
    }
  });
  return Means(std::move(shares));
}

DraftTraceSummary Summarize(const DraftTrace& trace) {
  DraftTraceSummary summary;
  double chains = 0, first = 0, agreed = 0, misses = 0, seconds = 0;
  std::vector<double> heads(static_cast<size_t>(trace.info().medusa_heads)), hits(heads.size());
  for (int row = 0; row < trace.rows(); ++row) {
    for (int t = 1; t < trace.info().output_tokens; ++t) {
      const TraceRow values = trace.Row(row, t);
      chains += values.confidences.empty() ? 0 : 1;
      first += values.agreed > 0;
      agreed += values.agreed;
      misses += values.mismatch_rank > 0;
      seconds += values.mismatch_rank == 2;
      for (size_t j = 0; j < values.medusa_ranks.size(); ++j) {
        heads[j] += 1;
        hits[j] += values.medusa_ranks[j] == 1;
      }
    }
  }
  summary.first_right = Share(first, chains);
  summary.mean_agreed = Share(agreed, chains);
  summary.second_of_misses = Share(seconds, misses);
  for (size_t j = 0; j < heads.size(); ++j)
    summary.medusa_right.push_back(Share(hits[j], heads[j]));
  return summary;
}

std::string DescribeDraftTrace(const DraftTrace& trace) {
  const DraftTraceInfo& info = trace.info();
  int shortest = trace.prompt_tokens(0), longest = shortest;
  double total = 0;
  for (int row = 0; row < trace.rows(); ++row) {
    shortest = std::min(shortest, trace.prompt_tokens(row));
    longest = std::max(longest, trace.prompt_tokens(row));
    total += trace.prompt_tokens(row);
  }
  std::string text;
  text += fmt::format("model            {} (sha256 {})\n", info.model, info.model_sha256);
  text += fmt::format("prompts          {} rows of {} to {} tokens, mean {:.1f} (sha256 {})\n",
                      trace.rows(), shortest, longest, total / trace.rows(), info.prompts_sha256);
  text += fmt::format("output tokens    {} a prompt\n", info.output_tokens);
  const DraftTraceSummary summary = Summarize(trace);
  if (info.max_steps > 0) {
    text += fmt::format("steps a draft    {} (drafts up to {} proposals replay)\n", info.max_steps,
                        info.max_steps - 1);
    text += fmt::format("first proposal   right in {:.1f}%\n", 100 * summary.first_right);
    text += fmt::format("proposals right  {:.2f} on average\n", summary.mean_agreed);
    text += fmt::format("at a mismatch    the target's token has rank 2 in {:.1f}%\n",
                        100 * summary.second_of_misses);
    for (const double threshold : {0.0, 0.4, 0.6, 0.8})
      text += fmt::format("{}, at threshold {}\n",
                          Describe(DraftTotals(trace, threshold, info.max_steps - 1)), threshold);
  }
  for (size_t j = 0; j < summary.medusa_right.size(); ++j)
    text +=
        fmt::format("Medusa head {}    right in {:.1f}%\n", j + 1, 100 * summary.medusa_right[j]);
  if (info.medusa_heads > 0) {
    const std::string tree = PolicyOptions().tree;
    text += fmt::format("{}, by Medusa's tree '{}'\n", Describe(TreeTotals(trace, FindTree(tree))),
                        tree);
  }
  return text;
}

}  // namespace hat
