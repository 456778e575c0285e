// A model's greedy output behind prompts, and what its drafters would have guessed on the way.
#pragma once

#include <cstdint>
#include <vector>

#include "runtime/model/adapter.h"
#include "runtime/model/medusa.h"
#include "runtime/model/weights.h"
#include "runtime/train/acceptance.h"

namespace hat {

struct GreedyOutput {
  std::vector<int32_t> tokens;  // output_tokens of them
  std::vector<Guess> guesses;   // behind each but the last; empty without an adapter
  std::vector<int> hits;  // of each: Medusa heads in a row that are right; empty without heads
};

// All prompts in one batch, with caches. `adapter` and `medusa` may be null. Prompts are not empty
// and leave room for the output within the model's positions.
std::vector<GreedyOutput> RunGreedy(const Model& model, const AdapterFile* adapter,
                                    const MedusaFile* medusa, int split,
                                    const std::vector<std::vector<int32_t>>& prompts,
                                    int output_tokens, const Compute& compute);

}  // namespace hat
