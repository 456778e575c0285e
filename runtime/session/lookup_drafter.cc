#include "runtime/session/lookup_drafter.h"

#include <ATen/ATen.h>

#include "runtime/session/text_lookup.h"

namespace hat {
namespace {

// What a token's logit gains for each token that matched. Assumed, not fitted.
constexpr double kEvidence = 0.5;

}  // namespace

void AddEvidence(const at::Tensor& logits, std::span<const int32_t> text, double temperature) {
  const std::optional<Followed> followed = FollowedBefore(text);
  if (followed) logits[followed->token].add_(kEvidence * followed->matched * temperature);
}

ChainDrafter::Step LookupDrafter::RunStep() {
  const std::optional<Followed> followed = FollowedBefore(session_.Text());
  session_.chain.push_back(followed ? followed->token : session_.chain.back());
  return {.confidence = LookupConfidence(followed)};
}

void LookupDrafter::Settle(int first, bool /*all_kept*/) { session_.input_cache.Keep(first, {}); }

}  // namespace hat
