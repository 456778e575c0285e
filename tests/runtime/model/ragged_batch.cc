#include "tests/runtime/model/ragged_batch.h"

#include <utility>

#include "runtime/model/torch_compute.h"

namespace hat {
namespace {

constexpr int kPositions = 128;

at::Tensor Random(const std::vector<int64_t>& sizes, const std::string& name,
                  const Compute& compute) {
  return RandomTensor(sizes, 1, 1, name).to(OptionsOf(compute));
}

}  // namespace

RaggedBatchCase::RaggedBatchCase(int heads, int kv_heads, int head_dim, const Compute& on)
    : shape{heads, kv_heads, head_dim, 1e-5}, compute(on) {
  const int64_t hidden = int64_t{heads} * head_dim;
  config.max_positions = kPositions;
  config.rope_theta = 10000;
  layer.attention_norm = at::ones({hidden}, OptionsOf(compute));
  layer.qkv = Random({(heads + 2 * kv_heads) * int64_t{head_dim}, hidden}, "qkv", compute) * 0.1;
  layer.o = at::eye(hidden, OptionsOf(compute));
  stack_ = std::make_unique<LayerStack>(std::vector<PackedLayer>{layer}, shape, config, compute);
  rotary = MakeRotaryTable(config, head_dim, kPositions, compute);
  AddContext(0);
  AddContext(21);
  AddContext(13);
  AddContext(10, {9, 9, 9});
  AddContext(3);
  AddContext(70);
  states_ = Random({9 + 1 + 7 + 3 + 40 + 30, hidden}, "new", compute);
}

void RaggedBatchCase::AddContext(int tokens, const std::vector<int32_t>& branches) {
  const int64_t hidden = int64_t{shape.heads} * shape.head_dim;
  KvCache& cache = caches.emplace_back(stack_->MakeCache(0));
  const auto run = [&](int count, const std::vector<int32_t>& parents) {
    if (count == 0) return;
    const SequencePart part{&cache, count, parents};
    stack_->Forward(Random({count, hidden}, "context", compute), {&part, 1});
  };
  run(tokens, {});
  run(static_cast<int>(branches.size()), branches);
}

std::vector<SequencePart> RaggedBatchCase::Parts() {
  std::vector<int32_t> tree = {2};  // each node the child of one a third as far
  for (int node = 1; node < 40; ++node) tree.push_back(3 + node / 3);
  return {{&caches[0], 9, {}},
          {&caches[1], 1, {}},
          {&caches[2], 7, {12, 13, 13, 14, 14, 15, 17}},
          {&caches[3], 3, {10, 11, 12}},
          {&caches[4], 40, tree},
          {&caches[5], 30, {}}};
}

at::Tensor RaggedBatchCase::Attend(std::span<const SequencePart> parts) const {
  return stack_->Forward(states_, parts) - states_;
}

}  // namespace hat
