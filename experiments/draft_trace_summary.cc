#include "experiments/draft_trace_summary.h"

#include <fmt/format.h>

#include <algorithm>

namespace hat {
namespace {

// Proposals that a round from t sends.
int Drafted(const DraftTrace& trace, const TraceRow& row, int t, double threshold, int max_draft) {
  const int to_come = trace.info().output_tokens - t;
  const int limit = std::min(max_draft, to_come - 1);
  int drafted = 0;
  while (drafted < limit && row.confidences[static_cast<size_t>(drafted)] >= threshold) ++drafted;
  return drafted;
}

double Share(double part, double whole) { return whole > 0 ? part / whole : 0; }

}  // namespace

double TraceAcceptLength(const DraftTrace& trace, double threshold, int max_draft) {
  const int longest = std::min(max_draft, trace.info().max_steps - 1);
  double tokens = 0, rounds = 0;
  for (int row = 0; row < trace.rows(); ++row) {
    for (int t = 1; t < trace.info().output_tokens;) {
      const TraceRow values = trace.Row(row, t);
      const int drafted = Drafted(trace, values, t, threshold, longest);
      const int gained = std::min(drafted, values.agreed) + 1;
      t += gained;
      tokens += gained;
      rounds += 1;
    }
  }
  return Share(tokens, rounds);
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
      text += fmt::format("accept length    {:.3f} at threshold {}, drafts up to {}\n",
                          TraceAcceptLength(trace, threshold, info.max_steps - 1), threshold,
                          info.max_steps - 1);
  }
  for (size_t j = 0; j < summary.medusa_right.size(); ++j)
    text +=
        fmt::format("Medusa head {}    right in {:.1f}%\n", j + 1, 100 * summary.medusa_right[j]);
  return text;
}

}  // namespace hat
