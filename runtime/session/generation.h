// What is asked of a model and what comes back, whatever runs it. Free of torch.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "protocol/observer.h"
#include "runtime/model/config.h"
#include "runtime/session/near_tie.h"

namespace hat {

struct GenerationRequest {
  std::vector<int32_t> prompt;
  int max_new_tokens = 1;
};

// Throws InputError: an empty prompt, an id outside the vocabulary, fewer than one new token, more
// positions than the model has.
void CheckRequest(const GenerationRequest& request, const ModelConfig& config);

struct Generation {
  std::vector<int32_t> output_ids;  // an end-of-text token, which ends it, included
  std::vector<RoundEvent> rounds;   // none for the whole model
  std::vector<NearTie> near_ties;   // in the order in which they were met

  // Tokens of a round on average: (tokens - 1) / rounds; 0 without a round.
  double AcceptLength() const;
};

// Told of each request's new tokens as they are out.
using TokenListener = std::function<void(int request, std::span<const int32_t> tokens)>;

}  // namespace hat
