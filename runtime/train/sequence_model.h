// A Llama-family model over whole sequences, without caches: what training and measuring run.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>

#include "runtime/model/adapter.h"
#include "runtime/model/layer_math.h"
#include "runtime/model/weights.h"
#include "runtime/train/parameters.h"

namespace hat {

using TensorMap = std::map<std::string, at::Tensor>;

class SequenceModel {
 public:
  // The tensors under their Hugging Face names, as they are: leaves in training, or a frozen
  // model's. Rotary tables reach config.max_positions.
  SequenceModel(const ModelConfig& config, const TensorMap& tensors, const Compute& compute);
  // All of a model's tensors, loaded.
  SequenceModel(const Model& model, const Compute& compute);

  // ids int64 [rows, length] -> states before the first layer [rows, length, hidden].
  at::Tensor Embed(const at::Tensor& ids) const;
  // Layers first..last - 1.
  at::Tensor Layers(at::Tensor states, int first, int last) const;
  // The final norm; [rows * length, hidden].
  at::Tensor Normed(const at::Tensor& states) const;
  const at::Tensor& output() const { return output_; }  // [vocabulary, hidden]

  // Shallow states [rows, length, hidden] through an adapter -> guessed deep states.
  at::Tensor Adapted(const at::Tensor& shallow, const LayerWeights& adapter) const;

  const ModelConfig& config() const { return config_; }

 private:
  ModelConfig config_;
  AttentionShape shape_, adapter_shape_;
  RotaryTable rotary_, adapter_rotary_;
  at::Tensor embedding_;
  at::Tensor final_norm_;
  at::Tensor output_;
  std::vector<LayerWeights> layers_;
};

// An adapter's tensors, "adapter.q" and so on: for Parameters, at the start of training (`o` and
// `down` small, so that it begins near the identity), and put together from leaves or values.
// mlp_width 0: without an MLP.
std::map<std::string, std::vector<int64_t>> AdapterParameters(const ModelConfig& config,
                                                              int mlp_width);
void InitialiseAdapter(const TensorMap& values, uint64_t seed);
LayerWeights AdapterOf(const TensorMap& tensors);
// InputError: one has an MLP, or a wider one, and the other not.
void CopyAdapter(const LayerWeights& from, const LayerWeights& to);

// Every leaf by name.
TensorMap Leaves(const Parameters& parameters);

// The tensors whose names begin with `prefix`, or (`has_it` false) those whose names do not.
TensorMap Filtered(const TensorMap& all, const std::string& prefix, bool has_it);

}  // namespace hat
