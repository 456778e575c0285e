// HAT's adapter: one self-attention block with norm and residual (4 hidden^2 weights) that guesses
// the deep state from the shallow one; the model's own output head turns it into a draft. It may
// have an MLP after it, as a decoder layer does, which the paper's has not.
//
// Its file is safetensors: tensors norm [hidden], q, k, v, o [hidden, hidden], and of an MLP
// mlp_norm [hidden], gate, up [width, hidden], down [hidden, width]; metadata kind = hat-adapter,
// model (the id of the model that it was trained on), split, draft_temperature.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>

#include "runtime/model/layer_math.h"
#include "runtime/model/submodels.h"

namespace hat {

struct AdapterFile {
  LayerWeights weights;          // attention [hidden, hidden]; of an MLP, or undefined
  std::string model_id;          // of the model that it was trained on; empty: random
  int split = 0;                 // the depth of the states that it reads
  double draft_temperature = 1;  // logits of a draft are divided by it: calibrates the confidence
};

// Reads a file, or makes "random:SEED" for `split`. Throws InputError: not an
// adapter, another model's (id), another split, wrong shapes.
AdapterFile LoadAdapter(const std::string& file_or_random, const Model& model, int split);
// In `dtype`; atomically; throws RunError.
void SaveAdapter(const std::string& path, const AdapterFile& adapter,
                 Dtype dtype = Dtype::kFloat32);

// Of its tensors, by their names in a file. mlp_width 0: without an MLP.
std::map<std::string, std::vector<int64_t>> AdapterTensorShapes(int hidden, int mlp_width);

// Heads of the adapter's attention: the model's, each hidden / heads wide, all with keys and values
// of their own.
AttentionShape AdapterShape(const ModelConfig& config);

class Adapter {
 public:
  Adapter(const Model& model, const AdapterFile& file, const Compute& compute);
  ~Adapter();
  Adapter(Adapter&&) noexcept;

  KvCache MakeCache(int capacity = 0) const;

  // shallow states [tokens, hidden] -> guessed deep states, the same shape; as
  // MiddleModel::Forward.
  at::Tensor Forward(const at::Tensor& shallow, std::span<const SequencePart> parts) const;

  double draft_temperature() const { return draft_temperature_; }

 private:
  std::unique_ptr<LayerStack> stack_;
  double draft_temperature_;
};

}  // namespace hat
