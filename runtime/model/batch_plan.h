// What is the same for all layers of a forward call: where each sequence's rows are, what they see,
// how they are rotated.
#pragma once

#include <span>
#include <vector>

#include <ATen/core/Tensor.h>

#include "runtime/model/layer_math.h"
#include "runtime/model/ragged_plan.h"
#include "runtime/model/submodels.h"

namespace hat {

// Some consecutive rows of one sequence and the slots that attention reads for them.
struct QueryBlock {
  int first_row = 0;  // in the batch
  int rows = 0;
  int slots = 0;  // keys 0..slots - 1
  // [rows, slots] of 0 and -inf; undefined: row i sees the first slots - rows + 1 + i. On the CPU
  // in fp32 and for trees only; elsewhere in the compute's type, for chains of several rows too.
  at::Tensor mask;
};

struct PlannedPart {
  KvCache* cache = nullptr;
  int first_row = 0;
  int rows = 0;
  int first_slot = 0;              // of the new tokens
  std::vector<QueryBlock> blocks;  // none where there is a ragged plan
};

struct BatchPlan {
  int rows = 0;
  bool on_cpu = false;  // the layers run through cpu_operations.h
  std::vector<PlannedPart> parts;
  RaggedPlan ragged;  // for cuda_attention.h, where it serves the batch
  at::Tensor cos;     // [rows, 1, head_dim / 2]; undefined where there is a ragged plan
  at::Tensor sin;     // the same
};

// Checks the parts, grows their caches, and plans. Throws InputError if a position lies beyond
// max_positions - 1; then no cache has grown.
BatchPlan PlanBatch(std::span<const SequencePart> parts, const AttentionShape& shape,
                    const RotaryTable& rotary, int max_positions, const Compute& compute);

}  // namespace hat
