// Medusa-1 heads (Cai et al. 2024, arXiv 2401.10774): head j guesses the token j positions after
// the next one from the deep state that yields the next one.
//
// Their file is safetensors: tensors heads.J.weight [hidden, hidden], heads.J.bias [hidden],
// heads.J.output [vocabulary, hidden] (missing in all: the model's own output layer), J = 0, 1,
// ...; metadata kind = hat-medusa, model (the id of the model that they were trained on), heads.
#pragma once

#include <string>
#include <vector>

#include <ATen/core/Tensor.h>

#include "runtime/model/submodels.h"

namespace hat {

struct MedusaHead {
  at::Tensor weight;  // [hidden, hidden]
  at::Tensor bias;    // [hidden]
  at::Tensor output;  // [vocabulary, hidden]; undefined: the model's own
};

struct MedusaFile {
  std::vector<MedusaHead> heads;
  std::string model_id;  // of the model that they were trained on; empty: random
};

// Reads a file, or makes "random:SEED" with 4 heads. Throws InputError: not
// Medusa heads, another model's, wrong shapes.
MedusaFile LoadMedusa(const std::string& file_or_random, const Model& model);
// In `dtype`; atomically; throws RunError.
void SaveMedusa(const std::string& path, const MedusaFile& file, Dtype dtype = Dtype::kFloat32);

// One head on normed deep states x [..., hidden]: output (x + silu(weight x + bias)). [...,
// vocabulary]
at::Tensor MedusaLogits(const at::Tensor& x, const MedusaHead& head);

class MedusaHeads {
 public:
  // `head` gives the final norm, which comes before the heads, and the output layer of those that
  // have none.
  MedusaHeads(const Model& model, const MedusaFile& file, const OutputHead& head,
              const Compute& compute);

  int size() const { return static_cast<int>(heads_.size()); }

  // deep states [n, hidden] -> [heads, n, vocabulary], fp32 (fp64 compute: fp64).
  at::Tensor Logits(const at::Tensor& deep) const;

 private:
  std::vector<MedusaHead> heads_;
  at::Tensor norm_;  // [hidden]
  double norm_eps_;
  Compute compute_;
};

}  // namespace hat
