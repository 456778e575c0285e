#include "experiments/traces/draft_trace.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

#include "protocol/system.h"
#include "protocol/tree.h"

namespace hat {
namespace {

void CheckInfo(const DraftTraceInfo& info) {
  const auto check = [](const char* key, int value, int low, int high) {
    if (value < low || value > high)
      throw InputError(fmt::format("'{}' must be {} to {}, got {}", key, low, high, value));
  };
  check("output_tokens", info.output_tokens, 1, DraftTraceInfo::kMaxOutputTokens);
  check("max_steps", info.max_steps, 0, DraftTraceInfo::kMaxSteps);
  check("medusa_heads", info.medusa_heads, 0, DraftTraceInfo::kMaxMedusaHeads);
  const auto is_hash = [](const std::string& text) {
    return text.size() == 64 && text.find_first_not_of("0123456789abcdef") == std::string::npos;
  };
  if (!is_hash(info.model_sha256))
    throw InputError("'model_sha256' must be 64 lower-case hexadecimal digits");
  if (!is_hash(info.prompts_sha256))
    throw InputError("'prompts_sha256' must be 64 lower-case hexadecimal digits");
  const std::vector<std::string> drafters = DrafterNames();
  if (std::ranges::find(drafters, info.drafter) == drafters.end())
    throw InputError(fmt::format("'drafter' must be one of {}, got '{}'", fmt::join(drafters, ", "),
                                 info.drafter));
}

void CheckValues(const TraceRow& values, int steps, int heads) {
  if (static_cast<int>(values.confidences.size()) != steps)
    throw InputError(
        fmt::format("'confidence' must hold {} values, got {}", steps, values.confidences.size()));
  for (const float confidence : values.confidences) {
    if (!(confidence >= 0 && confidence <= 1))
      throw InputError(fmt::format("'confidence' must be 0 to 1, got {}", confidence));
  }
  if (values.agreed < 0 || values.agreed > steps)
    throw InputError(fmt::format("'agreed' must be 0 to {}, got {}", steps, values.agreed));
  const int rank = values.mismatch_rank;
  if (values.agreed == steps ? rank != 0 : (rank < 2 || rank > UINT16_MAX))
    throw InputError(fmt::format("'rank' must be {}, got {}",
                                 values.agreed == steps ? "0 where all agreed" : "2 to 65535",
                                 rank));
  if (static_cast<int>(values.medusa_ranks.size()) != heads)
    throw InputError(
        fmt::format("'medusa' must hold {} values, got {}", heads, values.medusa_ranks.size()));
  for (const uint16_t medusa_rank : values.medusa_ranks) {
    if (medusa_rank < 1) throw InputError("'medusa' must be 1 to 65535, got 0");
  }
}

}  // namespace

DraftTrace::DraftTrace(DraftTraceInfo info, std::vector<int> prompt_tokens)
    : info_(std::move(info)), prompt_tokens_(std::move(prompt_tokens)) {
  CheckInfo(info_);
  if (prompt_tokens_.empty()) throw InputError("needs at least one prompt row");
  for (const int tokens : prompt_tokens_) {
    if (tokens < 1) throw InputError(fmt::format("'prompt_tokens' must be >= 1, got {}", tokens));
  }
  const size_t records = prompt_tokens_.size() * static_cast<size_t>(info_.output_tokens - 1);
  confidences_.resize(records * static_cast<size_t>(info_.max_steps));
  agreed_.resize(records);
  mismatch_rank_.resize(records);
  medusa_ranks_.resize(records * static_cast<size_t>(info_.medusa_heads));
  for (int row = 0; row < rows(); ++row) {
    for (int t = 1; t < info_.output_tokens; ++t) {
      const size_t index = Index(row, t);
      mismatch_rank_[index] = StepsAt(t) > 0 ? UINT16_MAX : 0;
      std::fill_n(medusa_ranks_.begin() +
                      static_cast<ptrdiff_t>(index * static_cast<size_t>(info_.medusa_heads)),
                  HeadsAt(t), UINT16_MAX);
    }
  }
}

size_t DraftTrace::Index(int row, int t) const {
  HAT_CHECK(row >= 0 && row < rows() && t >= 1 && t < info_.output_tokens,
            fmt::format("draft trace row {}, t = {}", row, t));
  return static_cast<size_t>(row) * static_cast<size_t>(info_.output_tokens - 1) +
         static_cast<size_t>(t - 1);
}

int DraftTrace::StepsAt(int t) const { return std::min(info_.max_steps, info_.output_tokens - t); }

int DraftTrace::HeadsAt(int t) const {
  return std::min(info_.medusa_heads, info_.output_tokens - t);
}

TraceRow DraftTrace::Row(int row, int t) const {
  const size_t index = Index(row, t);
  const auto steps = static_cast<size_t>(StepsAt(t));
  const auto heads = static_cast<size_t>(HeadsAt(t));
  return {
      {confidences_.data() + index * static_cast<size_t>(info_.max_steps), steps},
      agreed_[index],
      mismatch_rank_[index],
      {medusa_ranks_.data() + index * static_cast<size_t>(info_.medusa_heads), heads},
  };
}

void DraftTrace::Set(int row, int t, const TraceRow& values) {
  const size_t index = Index(row, t);
  CheckValues(values, StepsAt(t), HeadsAt(t));
  std::copy(values.confidences.begin(), values.confidences.end(),
            confidences_.data() + index * static_cast<size_t>(info_.max_steps));
  agreed_[index] = static_cast<uint16_t>(values.agreed);
  mismatch_rank_[index] = static_cast<uint16_t>(values.mismatch_rank);
  std::copy(values.medusa_ranks.begin(), values.medusa_ranks.end(),
            medusa_ranks_.data() + index * static_cast<size_t>(info_.medusa_heads));
}

namespace {

void CheckPrompts(const DraftTrace& trace, const std::string& path, const Workload& workload) {
  if (trace.rows() != workload.prompt_rows())
    throw InputError(
        fmt::format("{}: holds {} prompts, the scenario's workload.prompts {}", path, trace.rows(),
                    workload.prompt_rows() > 0 ? fmt::format("{}", workload.prompt_rows())
                                               : "draws its own; a trace needs csv or constant"));
  for (int row = 0; row < trace.rows(); ++row) {
    if (trace.prompt_tokens(row) != workload.prompt_tokens(row))
      throw InputError(
          fmt::format("{}: prompt row {} has {} tokens, in the scenario's "
                      "workload.prompts {}",
                      path, row, trace.prompt_tokens(row), workload.prompt_tokens(row)));
  }
}

}  // namespace

void CheckTraceFits(const DraftTrace& trace, const std::string& path, const Scenario& scenario,
                    const Workload& workload) {
  CheckPrompts(trace, path, workload);
  const DraftTraceInfo& info = trace.info();
  const int most_output = workload.longest().by_output.output_tokens;
  if (most_output > info.output_tokens)
    throw InputError(
        fmt::format("{}: holds {} output tokens a prompt, the scenario's "
                    "workload.outputs ask for up to {}",
                    path, info.output_tokens, most_output));
  const SystemSpec& system = scenario.system;
  if (system.drafts_chains() && system.drafter != info.drafter)
    throw InputError(
        fmt::format("{}: holds what '{}' drafts; the scenario's 'system.drafter' is '{}'", path,
                    info.drafter, system.drafter));
  if (system.drafts_chains() && system.options.max_draft > info.max_steps - 1)
    throw InputError(
        fmt::format("{}: holds {} steps a draft, so 'policy.max_draft' must be at "
                    "most {}, got {}",
                    path, info.max_steps, info.max_steps - 1, system.options.max_draft));
  if (!system.drafts_trees) return;
  const int depth = FindTree(system.options.tree).max_depth();
  if (depth > info.medusa_heads)
    throw InputError(fmt::format("{}: holds {} Medusa heads, 'policy.tree' = \"{}\" needs {}", path,
                                 info.medusa_heads, system.options.tree, depth));
}

}  // namespace hat
