// A lone attention block over a ragged batch of every kind of part, for tests of attention itself.
#pragma once

#include <memory>
#include <vector>

#include "runtime/model/layer_stack.h"
#include "tests/runtime/model/tiny_model.h"

namespace hat {

class RaggedBatchCase {
 public:
  // Random weights, with the output matrix left out (the identity).
  RaggedBatchCase(int heads, int kv_heads, int head_dim, const Compute& compute);

  // The same values on every device: a fresh prompt of 9, one token after 21, a tree of 7 after
  // 13, branches of 3 that go on, a tree of 40 after 3, 30 tokens after 70.
  std::vector<SequencePart> Parts();
  const at::Tensor& states() const { return states_; }  // [rows, hidden]

  // What attention adds, [rows, heads * head_dim], from Forward.
  at::Tensor Attend(std::span<const SequencePart> parts) const;

  AttentionShape shape;
  ModelConfig config;
  Compute compute;
  PackedLayer layer;
  std::vector<KvCache> caches;  // as long as the contexts
  RotaryTable rotary;

 private:
  void AddContext(int tokens, const std::vector<int32_t>& branches = {});

  std::unique_ptr<LayerStack> stack_;
  at::Tensor states_;
};

}  // namespace hat
