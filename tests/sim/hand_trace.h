// Draft traces made by hand or by a rule.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "experiments/traces/draft_trace.h"

namespace hat {

struct TraceSizes {
  int output_tokens = 0, max_steps = 0, medusa_heads = 0;
};

struct TraceEntry {
  std::vector<float> confidences;
  int agreed = 0;
  int rank = 0;  // of the target's token at the first proposal that misses
  std::vector<uint16_t> medusa;
};

// Entries are cut to what output position t can hold: as long lists as you like.
DraftTrace HandTrace(const TraceSizes& sizes, const std::vector<int>& prompt_tokens,
                     const std::function<TraceEntry(int row, int t)>& entry);

// Every number drawn: confidences uniform, a proposal right with its confidence, ranks 2 to 8.
DraftTrace RandomTrace(const TraceSizes& sizes, const std::vector<int>& prompt_tokens,
                       uint64_t seed);

}  // namespace hat
