#include "experiments/traces/draft_trace_summary.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <utility>

#include "core/error.h"
#include "core/terminal_text.h"

namespace hat {
namespace {

constexpr double kThresholds[] = {0, 0.4, 0.6, 0.8};

double Share(double part, double whole) { return whole > 0 ? part / whole : 0; }

// A hash just fits.
std::string Line(const std::string& label, const std::string& text) {
  return Paragraph(fmt::format("{:<16}", label), text);
}

std::string LineOf(const RoundTotals& totals, const std::string& how) {
  return Line("accept length", fmt::format("{:.3f}, {:.1f}% of {} drafted tokens accepted, {}",
                                           totals.AcceptLength(), 100 * totals.AcceptedShare(),
                                           totals.drafted, how));
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

DrawnAlike DrawnAlikeOf(const DraftTrace& trace) {
  const int tokens = trace.info().output_tokens - 1;
  HAT_CHECK(trace.info().max_steps > 0 && trace.rows() > 1 && tokens > 1);
  double sum = 0, squares = 0, pairs = 0;  // pairs: products of two of one row, a pair's mean
  for (int row = 0; row < trace.rows(); ++row) {
    double of_row = 0, own_squares = 0;
    for (int t = 1; t <= tokens; ++t) {
      const double confidence = trace.Row(row, t).confidences[0];
      of_row += confidence;
      own_squares += confidence * confidence;
    }
    sum += of_row;
    squares += own_squares;
    pairs += (of_row * of_row - own_squares) / (static_cast<double>(tokens) * (tokens - 1));
  }
  const double count = static_cast<double>(trace.rows()) * tokens;
  const double mean = sum / count, variance = squares / count - mean * mean;
  if (variance <= 0) return {};
  const double between = std::max(0.0, pairs / trace.rows() - mean * mean);
  return {mean * (1 - mean) / variance - 1, between / variance};
}

namespace {

// Of the rows for which `counts` says so.
std::string AcceptLengthsRow(const DraftTrace& trace, const std::string& name,
                             const std::function<bool(int)>& counts) {
  const DraftTraceInfo& info = trace.info();
  std::vector<int> rows;
  for (int row = 0; row < trace.rows(); ++row) {
    if (counts(row)) rows.push_back(row);
  }
  std::string text = fmt::format("| {} | {} |", name, rows.size());
  const auto add = [&](const std::function<std::vector<TraceRound>(int)>& rounds) {
    RoundTotals totals;
    for (const int row : rows) totals.Add(rounds(row));
    text += fmt::format(" {:.2f} |", totals.AcceptLength());
  };
  if (info.max_steps > 0) {
    for (const double threshold : kThresholds) {
      add([&](int row) { return DraftRounds(trace, row, threshold, info.max_steps - 1); });
    }
  }
  if (info.medusa_heads > 0) {
    const Tree tree = CutTree(FindTree(PolicyOptions().tree), info.medusa_heads);
    add([&](int row) { return TreeRounds(trace, row, tree); });
  }
  return text + "\n";
}

}  // namespace

std::string AcceptLengthsByGroup(const DraftTrace& trace, const std::vector<std::string>& groups) {
  HAT_CHECK(std::cmp_equal(groups.size(), trace.rows()));
  std::string head = "| | prompts |", rule = "|---|--:|";
  const auto add = [&](const std::string& column) {
    head += fmt::format(" {} |", column);
    rule += "--:|";
  };
  if (trace.info().max_steps > 0) {
    for (const double threshold : kThresholds) add(fmt::format("threshold {}", threshold));
  }
  if (trace.info().medusa_heads > 0) add(fmt::format("Medusa, {}", PolicyOptions().tree));
  std::string text = head + "\n" + rule + "\n";
  std::vector<std::string> seen;
  for (const std::string& group : groups) {
    if (std::ranges::find(seen, group) != seen.end()) continue;
    seen.push_back(group);
    text += AcceptLengthsRow(trace, group,
                             [&](int row) { return groups[static_cast<size_t>(row)] == group; });
  }
  return text + AcceptLengthsRow(trace, "all", [](int) { return true; });
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
  std::string text = Line("model", info.model) + Line("model sha256", info.model_sha256);
  text += Line("prompts", fmt::format("{} rows of {} to {} tokens, mean {:.1f}", trace.rows(),
                                      shortest, longest, total / trace.rows()));
  text += Line("prompts sha256", info.prompts_sha256);
  text += Line("output tokens", fmt::format("{} a prompt", info.output_tokens));
  const DraftTraceSummary summary = Summarize(trace);
  if (info.max_steps > 0) {
    text += Line("drafter", info.drafter);
    text += Line("steps a draft", fmt::format("{} (drafts up to {} proposals replay)",
                                              info.max_steps, info.max_steps - 1));
    text += Line("first proposal", fmt::format("right in {:.1f}%", 100 * summary.first_right));
    text += Line("proposals right", fmt::format("{:.2f} on average", summary.mean_agreed));
    text += Line("at a mismatch", fmt::format("the target's token has rank 2 in {:.1f}%",
                                              100 * summary.second_of_misses));
    if (trace.rows() > 1 && info.output_tokens > 2) {
      const DrawnAlike drawn = DrawnAlikeOf(trace);
      text += Line("drawn alike", fmt::format("acceptance.concentration = {:.3g}, "
                                              "acceptance.request_correlation = {:.3g}",
                                              drawn.concentration, drawn.request_correlation));
    }
    for (const double threshold : kThresholds) {
      text += LineOf(DraftTotals(trace, threshold, info.max_steps - 1),
                     fmt::format("at threshold {}", threshold));
    }
  }
  for (size_t j = 0; j < summary.medusa_right.size(); ++j) {
    text += Line(fmt::format("Medusa head {}", j + 1),
                 fmt::format("right in {:.1f}%", 100 * summary.medusa_right[j]));
  }
  if (info.medusa_heads > 0) {
    const std::string tree = PolicyOptions().tree;
    text += LineOf(TreeTotals(trace, FindTree(tree)), fmt::format("by Medusa's tree '{}'", tree));
  }
  return text;
}

}  // namespace hat
