// Drafts replayed from a draft trace: exact for every policy that reads only confidences.
#pragma once

#include <utility>

#include "experiments/traces/draft_trace.h"
#include "sim/draft_source.h"

namespace hat {

class TraceDrafter : public DraftSource {
 public:
  // The trace must fit the scenario (CheckTraceFits).
  explicit TraceDrafter(DraftTrace trace) : trace_(std::move(trace)) {}

  // 0 for a proposal after the request's last token: the bound R - 1 stops the draft there anyway.
  float Confidence(const Request& request, int token, int step) const override;
  int Rank(const Request& request, int token, int step, float confidence) const override;
  int MedusaRank(const Request& request, int token, int head) const override;

 private:
  DraftTrace trace_;
};

}  // namespace hat
