#include "runtime/model/batch_plan.h"

#include <algorithm>
#include <limits>
#include <set>
#include <string>

#include <ATen/ATen.h>

#include "core/error.h"
#include "runtime/model/cpu_operations.h"
#include "runtime/model/cuda_attention.h"
#include "runtime/model/torch_compute.h"

namespace hat {
namespace {

// Rows of a block. On the CPU: of one call of cpu_attention.h; elsewhere it bounds the scores that
// a long prompt needs at once.
constexpr int kCpuBlock = 8;
constexpr int kQueryBlock = 256;

// The parents of a part's tokens; a chain's written out.
std::vector<int32_t> ParentsOf(const SequencePart& part) {
  if (!part.parents.empty()) return part.parents;
  std::vector<int32_t> parents;
  for (int i = 0; i < part.tokens; ++i) parents.push_back(part.cache->size() + i - 1);
  return parents;
}

void CheckPart(const SequencePart& part, int max_positions) {
  HAT_CHECK(part.cache != nullptr && part.tokens >= 1);
  HAT_CHECK(part.parents.empty() || static_cast<int>(part.parents.size()) == part.tokens,
            "a parent a token");
  const KvCache& cache = *part.cache;
  std::vector<int> positions;  // of the new tokens
  int last = -1;
  const std::vector<int32_t> parents = ParentsOf(part);
  for (const int32_t parent : parents) {
    HAT_CHECK(-1 <= parent && parent < cache.size() + static_cast<int>(positions.size()));
    const int before = parent < 0              ? -1
                       : parent < cache.size() ? cache.position(parent)
                                               : positions[parent - cache.size()];
    positions.push_back(before + 1);
    last = std::max(last, before + 1);
  }
  if (last >= max_positions) {
    throw InputError("position " + std::to_string(last) + " lies beyond the model's last, " +
                     std::to_string(max_positions - 1));
  }
}

// Which slots each of the last `rows` of a cache sees, [rows, cache.size()], in fp32 on the host.
at::Tensor TreeMask(const KvCache& cache, int rows, bool pinned) {
  const int slots = cache.size();
  const at::Tensor mask = at::empty({rows, slots}, at::TensorOptions().pinned_memory(pinned));
  auto* values = mask.data_ptr<float>();
  for (int row = 0; row < rows; ++row, values += slots) {
    std::fill(values, values + slots, -std::numeric_limits<float>::infinity());
    int slot = slots - rows + row;
    for (; slot >= cache.chain(); slot = cache.parent(slot)) values[slot] = 0;
    std::fill(values, values + slot + 1, 0.0F);  // a slot of the chain sees all before it
  }
  return mask;
}

// On the CPU.
std::vector<QueryBlock> PlanCpuBlocks(const PlannedPart& part) {
  const KvCache& cache = *part.cache;
  const bool is_chain = cache.chain() == cache.size();
  const at::Tensor mask = is_chain ? at::Tensor() : TreeMask(cache, part.rows, /*pinned=*/false);
  std::vector<QueryBlock> blocks;
  for (int row = 0; row < part.rows; row += kCpuBlock) {
    const int rows = std::min(kCpuBlock, part.rows - row);
    blocks.push_back({part.first_row + row, rows,
                      is_chain ? part.first_slot + row + rows : cache.size(),
                      is_chain ? mask : mask.narrow(0, row, rows)});
  }
  return blocks;
}

std::vector<QueryBlock> PlanBlocks(const PlannedPart& part, const Compute& compute) {
  const KvCache& cache = *part.cache;
  const int slots = cache.size();
  const auto options = OptionsOf(compute);
  if (cache.chain() != slots) {
    const at::Tensor mask = TreeMask(cache, part.rows, options.device().is_cuda());
    const at::Tensor sent = mask.to(options.device(), /*non_blocking=*/true);
    return {{part.first_row, part.rows, slots, sent.to(ScalarTypeOf(compute.dtype))}};
  }
  std::vector<QueryBlock> blocks;
  for (int row = 0; row < part.rows; row += kQueryBlock) {
    const int rows = std::min(kQueryBlock, part.rows - row);
    const int seen = part.first_slot + row + rows;
    const at::Tensor mask = rows == 1 ? at::Tensor() : CausalMask(rows, seen, options);
    blocks.push_back({part.first_row + row, rows, seen, mask});
  }
  return blocks;
}

// Rows of the table for every token. Chains take slices of it, so that nothing is sent to a GPU.
void PlanRotary(const RotaryTable& rotary, const Compute& compute, BatchPlan& plan) {
  std::vector<at::Tensor> cos;
  std::vector<at::Tensor> sin;
  for (const PlannedPart& part : plan.parts) {
    const KvCache& cache = *part.cache;
    const int first = cache.position(part.first_slot);
    if (cache.chain() == cache.size()) {
      cos.push_back(rotary.cos.narrow(0, first, part.rows));
      sin.push_back(rotary.sin.narrow(0, first, part.rows));
    } else {
      std::vector<int64_t> positions;
      for (int i = 0; i < part.rows; ++i) positions.push_back(cache.position(part.first_slot + i));
      const at::Tensor index = ToDevice(positions, compute);  // [rows]
      cos.push_back(rotary.cos.index_select(0, index));
      sin.push_back(rotary.sin.index_select(0, index));
    }
  }
  plan.cos = (cos.size() == 1 ? cos[0] : at::cat(cos)).unsqueeze(1);
  plan.sin = (sin.size() == 1 ? sin[0] : at::cat(sin)).unsqueeze(1);
}

}  // namespace

BatchPlan PlanBatch(std::span<const SequencePart> parts, const AttentionShape& shape,
                    const RotaryTable& rotary, int max_positions, const Compute& compute) {
  HAT_CHECK(!parts.empty());
  std::set<const KvCache*> caches;
  for (const SequencePart& part : parts) {
    CheckPart(part, max_positions);
    HAT_CHECK(caches.insert(part.cache).second, "a cache stands twice in a forward call");
  }
  BatchPlan plan;
  plan.on_cpu = HasCpuOperations(compute);
  const bool is_ragged = ServesCudaAttention(compute, shape.head_dim);
  for (const SequencePart& part : parts) {
    PlannedPart planned{part.cache, plan.rows, part.tokens, part.cache->size(), {}};
    part.cache->Append(ParentsOf(part));
    if (plan.on_cpu) {
      planned.blocks = PlanCpuBlocks(planned);
    } else if (!is_ragged) {
      planned.blocks = PlanBlocks(planned, compute);
    }
    plan.rows += part.tokens;
    plan.parts.push_back(std::move(planned));
  }
  if (is_ragged) {
    plan.ragged = PlanRagged(plan.parts, shape.heads / shape.kv_heads, compute);
  } else {
    PlanRotary(rotary, compute, plan);
  }
  return plan;
}

}  // namespace hat
