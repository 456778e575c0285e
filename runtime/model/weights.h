// A model's weights, tensor by tensor: from a checkpoint, at random, or from memory.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>

#include "runtime/model/config.h"
#include "runtime/model/safetensors.h"

namespace hat {

// Where tensors come from. Only tensors that are loaded are read.
class WeightSource {
 public:
  virtual ~WeightSource() = default;
  // The tensor `name` of this shape, contiguous, in `compute`'s dtype on its device. Throws
  // InputError if it is missing, of another shape, or holds a value that is not finite (in the
  // stored or in the wanted dtype).
  virtual at::Tensor Load(const std::string& name, const std::vector<int64_t>& shape,
                          const Compute& compute) const = 0;
};

struct Model {
  ModelConfig config;
  std::shared_ptr<const WeightSource> weights;
  std::string id;  // 64 hex digits; equal means the same weights (see Checkpoint::Fingerprint)
};

Model OpenModel(const std::string& folder);

// Random weights: uniform of variance 1 / fan-in, the embedding of variance 1, norms in 1 +- 0.1.
// The same everywhere for one seed. Norm-preserving, so that logits depend on the whole context.
Model RandomModel(const ModelConfig& config, uint64_t seed);

// Weights in memory under their Hugging Face names (a model in training); the tensors are shared,
// converted where the wanted dtype or device differs. `id` is given by the caller.
Model ModelInMemory(const ModelConfig& config, std::map<std::string, at::Tensor> tensors,
                    std::string id = "");

// The tensor `name` of `tensors`, as WeightSource::Load; `where` starts the messages.
at::Tensor LoadChecked(const std::map<std::string, at::Tensor>& tensors, const std::string& name,
                       const std::vector<int64_t>& shape, const Compute& compute,
                       const std::string& where);

// Safetensors files that are not checkpoints: adapters, Medusa heads, training states.
struct TensorFile {
  std::map<std::string, at::Tensor> tensors;  // on the CPU, in their stored dtype
  Metadata metadata;
};
TensorFile ReadTensorFile(const std::string& path);  // throws InputError
// Tensors are brought to the CPU and made contiguous. Throws RunError.
void WriteTensorFile(const std::string& path, const TensorFile& file);

// Writes config.json and model.safetensors into `folder` (made if missing), weights in `dtype`.
void WriteModel(const std::string& folder, const Model& model, Dtype dtype);

// Weights uniform in +-scale, drawn from (seed, name); on the CPU, in fp32.
at::Tensor RandomTensor(const std::vector<int64_t>& shape, double scale, uint64_t seed,
                        const std::string& name);

}  // namespace hat
