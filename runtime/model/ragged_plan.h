// What a GPU's attention kernels read of a forward call, in one piece of memory: sent once, for all
// layers.
#pragma once

#include <span>

#include <ATen/core/Tensor.h>

#include "runtime/model/compute.h"
#include "runtime/model/ragged_attention.h"

namespace hat {

struct PlannedPart;

struct RaggedPlan {
  at::Tensor memory;       // [bytes]; undefined: there is no plan
  RaggedBatch batch = {};  // points into it
};

// `group`: query heads to a key head. The caches hold the new slots already; they must neither move
// nor change until the layers have run. On a GPU nothing waits for the copy.
RaggedPlan PlanRagged(std::span<const PlannedPart> parts, int group, const Compute& compute);

}  // namespace hat
