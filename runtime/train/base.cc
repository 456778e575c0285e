#include "runtime/train/base.h"

#include <ATen/ATen.h>

#include <cmath>
#include <filesystem>

#include "runtime/model/adapter.h"
#include "runtime/model/checkpoint.h"
#include "runtime/train/fused.h"

namespace hat {
namespace {

constexpr char kAdapterPrefix[] = "adapter.";

void InitialiseModel(const TensorMap& values, const ModelConfig& config, uint64_t seed) {
  const double depth = std::sqrt(2.0 * config.shape.layer_count());
  for (const auto& [name, value] : values) {
    if (value.dim() == 1) {
      value.fill_(1);
      continue;
    }
    double deviation = 1 / std::sqrt(static_cast<double>(value.size(1)));
    if (name.ends_with("o_proj.weight") || name.ends_with("down_proj.weight")) deviation /= depth;
    if (name.ends_with("embed_tokens.weight")) deviation = 0.02;
    value.copy_(RandomTensor(value.sizes().vec(), std::sqrt(3.0) * deviation, seed, name));
  }
}

// What the model in `folder` has, in place of `values`.
void StartFrom(const std::string& folder, const TensorMap& values, const BaseOptions& options) {
  const Model model = OpenModel(folder);
  const std::string adapter = folder + "/adapter.safetensors";
  for (const auto& [name, value] : Filtered(values, kAdapterPrefix, false)) {
    value.copy_(model.weights->Load(name, value.sizes().vec(), {Dtype::kFloat32, "cpu"}));
  }
  if (options.exit_weight > 0 && std::filesystem::exists(adapter)) {
    CopyAdapter(LoadAdapter(adapter, model, options.split).weights, AdapterOf(values));
  }
}

}  // namespace

BaseTrainee::BaseTrainee(const ModelConfig& config, const BaseOptions& options, uint64_t seed,
                         const Compute& compute)
    : options_(options) {
  auto shapes = TensorShapes(config);
  if (options.exit_weight > 0) shapes.merge(AdapterParameters(config, 0));
  parameters_ = std::make_unique<Parameters>(shapes, compute);
  const TensorMap values = parameters_->Values();
  InitialiseModel(Filtered(values, kAdapterPrefix, false), config, seed);
  if (options.exit_weight > 0) InitialiseAdapter(values, seed);
  if (!options.start.empty()) StartFrom(options.start, values, options);
  parameters_->Publish();
  model_ = std::make_unique<SequenceModel>(config, Leaves(*parameters_), compute);
}

Trainee::Losses BaseTrainee::Loss(const at::Tensor& windows) const {
  const int64_t length = windows.size(1) - 1;
  const at::Tensor targets =
      windows.narrow(1, 1, length).reshape({-1}).to(model_->output().device());
  at::Tensor states = model_->Embed(windows.narrow(1, 0, length));
  states = model_->Layers(states, 0, options_.split);
  const at::Tensor deep =
      model_->Layers(states, options_.split, model_->config().shape.layer_count());
  at::Tensor loss = LinearCrossEntropy(model_->Normed(deep), model_->output(), targets);
  Losses result{loss, {{"loss", loss.detach()}}};
  if (options_.exit_weight > 0) {
    const at::Tensor guessed = model_->Adapted(states, AdapterOf(Leaves(*parameters_)));
    const at::Tensor exit = LinearCrossEntropy(model_->Normed(guessed), model_->output(), targets);
    result.total = loss + options_.exit_weight * exit;
    result.log.emplace_back("exit loss", exit.detach());
  }
  return result;
}

TensorMap BaseTrainee::ModelTensors() const {
  return Filtered(parameters_->Values(), kAdapterPrefix, false);
}

LayerWeights BaseTrainee::ExitAdapter() const { return AdapterOf(parameters_->Values()); }

}  // namespace hat
