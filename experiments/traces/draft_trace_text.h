// A draft trace as text, for traces made by hand and for reading one: JSON lines. The first line is
//   {"model": "m", "model_sha256": "...", "prompts_sha256": "...", "output_tokens": 3,
//    "max_steps": 2, "medusa_heads": 1}
// then follows a line per prompt row, in order, with N - 1 entries in "t":
//   {"row": 0, "prompt_tokens": 12, "t": [
//     {"confidence": [0.9, 0.5], "agreed": 1, "rank": 3, "medusa": [1]},
//     {"confidence": [0.7], "agreed": 1, "medusa": [2]}]}
// "confidence" holds min(D, N - t) values, "medusa" min(M, N - t) (absent: none); "rank" is absent
// where all agreed. Blank lines are skipped.
#pragma once

#include <string>

#include "experiments/traces/draft_trace.h"

namespace hat {

// Text -> trace -> text gives the same trace; confidences keep their 32 bits.
std::string DraftTraceText(const DraftTrace& trace);

// Throws InputError with "name:line:" in front.
DraftTrace ParseDraftTraceText(const std::string& text, const std::string& name);

}  // namespace hat
