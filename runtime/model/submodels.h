// The submodels that device and cloud hold: the first layers, layers between, the head. One forward
// call serves a ragged batch: linear operations run over all sequences' tokens at once, attention a
// sequence on the CPU, in one kernel on a GPU. No call waits for a GPU.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include <ATen/core/Tensor.h>

#include "runtime/model/kv_cache.h"
#include "runtime/model/weight_matrix.h"
#include "runtime/model/weights.h"

namespace hat {

// What one sequence brings to a forward call. A cache stands at most once in a call.
struct SequencePart {
  KvCache* cache = nullptr;  // made by the same submodel's MakeCache; grows by `tokens` slots
  int tokens = 0;            // >= 1
  // A tree: each token's parent, a slot of the cache, counted as if the tokens were already in it
  // (token i becomes slot cache->size() + i); below its own slot. Empty: a chain after the cache's
  // last slot.
  std::vector<int32_t> parents;
};

class LayerStack;  // layers first..last - 1 with their weights

// Layers first..last - 1: a cloud, or a stage of its pipeline.
class MiddleModel {
 public:
  // 0 <= first <= last <= layers. Reads these layers' tensors only.
  MiddleModel(const Model& model, int first, int last, const Compute& compute);
  ~MiddleModel();
  MiddleModel(MiddleModel&&) noexcept;

  // Room for `capacity` slots: the sequence's positions and the tree's nodes or branches beside
  // them. 0: the model's max_positions and 64 more.
  KvCache MakeCache(int capacity = 0) const;

  // states [sum of the parts' tokens, hidden], part after part -> the same shape, in the compute's
  // dtype (converted if they come in another). Throws InputError if a position lies beyond the
  // model's last, or the memory does not suffice.
  at::Tensor Forward(const at::Tensor& states, std::span<const SequencePart> parts) const;

 private:
  std::unique_ptr<LayerStack> stack_;
};

// Embedding and layers 0..split - 1: a device's first submodel; split = layers: all of them.
class InputModel {
 public:
  InputModel(const Model& model, int split, const Compute& compute);
  ~InputModel();
  InputModel(InputModel&&) noexcept;

  KvCache MakeCache(int capacity = 0) const;

  // ids: sum of the parts' tokens, part after part -> shallow states [tokens, hidden]. Throws
  // InputError for an id outside the vocabulary.
  at::Tensor Forward(std::span<const int32_t> ids, std::span<const SequencePart> parts) const;

  const WeightMatrix& embedding() const { return embedding_; }  // [vocabulary, hidden]

 private:
  std::unique_ptr<LayerStack> stack_;
  WeightMatrix embedding_;  // [vocabulary, hidden]
  Compute compute_;
};

// The final norm and the output layer.
class OutputHead {
 public:
  // `tied`: the input model's embedding, to hold it once where both are here and the model ties
  // them.
  OutputHead(const Model& model, const Compute& compute, const InputModel* tied = nullptr);

  // deep states [n, hidden] -> [n, vocabulary], fp32 (fp64 compute: fp64).
  at::Tensor Logits(const at::Tensor& deep) const;

  const at::Tensor& norm() const { return norm_; }        // [hidden]
  const WeightMatrix& weight() const { return weight_; }  // [vocabulary, hidden]

 private:
  at::Tensor norm_;
  WeightMatrix weight_;  // [vocabulary, hidden]
  double norm_eps_;
  Compute compute_;
};

}  // namespace hat
