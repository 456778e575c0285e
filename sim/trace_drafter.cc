#include "sim/trace_drafter.h"

#include "core/error.h"

namespace hat {

float TraceDrafter::Confidence(const Request& request, int token, int step) const {
  if (token >= trace_.info().output_tokens) return 0;
  const TraceRow row = trace_.Row(request.prompt_row, token);
  const auto index = static_cast<size_t>(step) - 1;
  return index < row.confidences.size() ? row.confidences[index] : 0;
}

int TraceDrafter::Rank(const Request& request, int token, int step, float /*confidence*/) const {
  const TraceRow row = trace_.Row(request.prompt_row, token);
  HAT_CHECK(step <= row.agreed + 1, "asked after the first proposal that missed");
  return step <= row.agreed ? 1 : row.mismatch_rank;
}

int TraceDrafter::MedusaRank(const Request& request, int token, int head) const {
  return trace_.Row(request.prompt_row, token).medusa_ranks[static_cast<size_t>(head) - 1];
}

}  // namespace hat
