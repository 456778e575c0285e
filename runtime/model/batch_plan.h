// What is the same for all layers of a forward call: where each sequence's rows are, what they see,
// how they are rotated.
#pragma once

#include <span>
#include <vector>

#include <ATen/core/Tensor.h>

#include "runtime/model/layer_math.h"
#include "runtime/model/submodels.h"

namespace hat {

// Some consecutive rows of one sequence and the slots that attention reads for them.
struct QueryBlock {
  int first_row = 0;  // in the batch
  int rows = 0;
  int slots = 0;  // keys 0..slots - 1
  // [rows, slots] of 0 and -inf. Of a chain: in the compute's type, undefined if there is one row
  // or the batch is for few_rows.h; of a tree: likewise, for few_rows.h in fp32.
  at::Tensor mask;
};

struct PlannedPart {
  KvCache* cache = nullptr;
  int first_row = 0;
  int rows = 0;
  int first_slot = 0;  // of the new tokens
  std::vector<QueryBlock> blocks;
};

struct BatchPlan {
  int rows = 0;
  bool is_few = false;  // the layers run through few_rows.h
  std::vector<PlannedPart> parts;
  at::Tensor cos;  // [rows, 1, head_dim / 2]
  at::Tensor sin;  // the same
};

// Checks the parts, grows their caches, and plans. Throws InputError if a position lies beyond
// max_positions - 1; then no cache has grown. `most_few`: batches of at most so many rows are few.
BatchPlan PlanBatch(std::span<const SequencePart> parts, const RotaryTable& rotary,
                    int max_positions, int most_few, const Compute& compute);

}  // namespace hat
