// A draft trace: for every prompt and every output position, what the drafter would say if a draft
// started there, recorded once. With greedy decoding every policy that reads only confidences
// replays on it exactly. File format, field by field: docs/formats.md; as text:
// draft_trace_text.h.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "experiments/scenario/limits.h"
#include "experiments/scenario/scenario.h"
#include "experiments/scenario/workload.h"

namespace hat {

// What is true of all rows.
struct DraftTraceInfo {
  static constexpr int kMaxSteps = kMostDraftSteps;
  static constexpr int kMaxMedusaHeads = 64;
  static constexpr int kMaxOutputTokens = kMostTokens;

  std::string model;                // e.g. "hat-tiny"
  std::string model_sha256;         // 64 hex digits; of the weights, drafter included
  std::string prompts_sha256;       // 64 hex digits; of the file with the prompts
  int output_tokens = 0;            // N: rows t = 1..N - 1 exist; >= 1
  int max_steps = 0;                // D: drafts up to D - 1 proposals replay
  int medusa_heads = 0;             // M
  std::string drafter = "adapter";  // of the chains: of DrafterNames()

  bool operator==(const DraftTraceInfo&) const = default;
};

// Output token t (1..N - 1) is the newest committed one and starts the chain, or is the tree's
// root.
struct TraceRow {
  std::span<const float> confidences;  // c_j of the proposal for token t + j; j = 1..min(D, N - t)
  int agreed = 0;                      // the first so many proposals are the target's own tokens
  // Of the target's token under the first proposal's distribution that is not; from 2, 65535 is
  // that or more; 0 if all agreed.
  int mismatch_rank = 0;
  std::span<const uint16_t> medusa_ranks;  // of token t + j under head j; j = 1..min(M, N - t)
};

class DraftTrace {
 public:
  // A trace to be filled with Set: every row says confidence 0, nothing agreed. Throws InputError
  // if the info is out of range.
  DraftTrace(DraftTraceInfo info, std::vector<int> prompt_tokens);

  // Throw InputError: cannot be read, not a draft trace, another version, truncated, changed
  // (checksum), sizes or values out of range. Memory in proportion to the file's own size.
  static DraftTrace Load(const std::string& path);
  static DraftTrace FromBytes(std::string_view bytes, const std::string& name);

  // Same trace, same bytes.
  std::string ToBytes() const;
  void Save(const std::string& path) const;  // atomically; throws RunError

  const DraftTraceInfo& info() const { return info_; }
  int rows() const { return static_cast<int>(prompt_tokens_.size()); }
  int prompt_tokens(int row) const { return prompt_tokens_[static_cast<size_t>(row)]; }
  const std::string& sha256() const { return sha256_; }  // of the file; empty if not loaded

  // row in 0..rows() - 1, t in 1..N - 1. Refers to this trace.
  TraceRow Row(int row, int t) const;

  // Sets all of it. Throws InputError that says which field is wrong (no file name in front).
  void Set(int row, int t, const TraceRow& values);

  // Steps, or heads, that speak of tokens up to N.
  int StepsAt(int t) const;
  int HeadsAt(int t) const;

 private:
  size_t Index(int row, int t) const;

  DraftTraceInfo info_;
  std::vector<int> prompt_tokens_;
  std::vector<float> confidences_;       // [row][t - 1][D]
  std::vector<uint16_t> agreed_;         // [row][t - 1]
  std::vector<uint16_t> mismatch_rank_;  // [row][t - 1]
  std::vector<uint16_t> medusa_ranks_;   // [row][t - 1][M]
  std::string sha256_;
};

// Throws InputError if the scenario cannot replay on the trace: other prompts (number or lengths),
// more output tokens than recorded, longer drafts or more Medusa heads than recorded. `path` stands
// in front.
void CheckTraceFits(const DraftTrace& trace, const std::string& path, const Scenario& scenario,
                    const Workload& workload);

}  // namespace hat
