#include "runtime/model/submodels.h"

#include <malloc.h>

#include <string>
#include <utility>

#include <ATen/ATen.h>

#include "core/error.h"
#include "runtime/model/cpu_operations.h"
#include "runtime/model/layer_stack.h"
#include "runtime/model/torch_compute.h"

namespace hat {
namespace {

std::unique_ptr<LayerStack> LoadStack(const Model& model, int first, int last,
                                      const Compute& compute) {
  HAT_CHECK(0 <= first && first <= last && last <= model.config.shape.layer_count());
  CheckCompute(compute);
  return WithMemoryErrors([&] {
    std::vector<PackedLayer> layers;
    for (int layer = first; layer < last; ++layer) {
      layers.push_back(Pack(LoadLayer(model, layer, compute)));
      if (compute.has_int8_weights) Quantise(layers.back());
    }
    ::malloc_trim(0);  // what packing has freed and the allocator would keep
    return std::make_unique<LayerStack>(std::move(layers), AttentionShapeOf(model.config),
                                        model.config, compute);
  });
}

WeightMatrix LoadTable(const Model& model, const std::string& name, const Compute& compute) {
  const ModelShape& shape = model.config.shape;
  return WithMemoryErrors([&] {
    at::Tensor table = model.weights->Load(name, {shape.vocabulary, shape.hidden}, compute);
    return compute.has_int8_weights ? Quantised(table) : WeightMatrix(std::move(table));
  });
}

}  // namespace

MiddleModel::MiddleModel(const Model& model, int first, int last, const Compute& compute)
    : stack_(LoadStack(model, first, last, compute)) {}
MiddleModel::~MiddleModel() = default;
MiddleModel::MiddleModel(MiddleModel&&) noexcept = default;

KvCache MiddleModel::MakeCache(int capacity) const { return stack_->MakeCache(capacity); }

at::Tensor MiddleModel::Forward(const at::Tensor& states,
                                std::span<const SequencePart> parts) const {
  return stack_->Forward(states, parts);
}

InputModel::InputModel(const Model& model, int split, const Compute& compute)
    : stack_(LoadStack(model, 0, split, compute)),
      embedding_(LoadTable(model, "model.embed_tokens.weight", compute)),
      compute_(compute) {}
InputModel::~InputModel() = default;
InputModel::InputModel(InputModel&&) noexcept = default;

KvCache InputModel::MakeCache(int capacity) const { return stack_->MakeCache(capacity); }

at::Tensor InputModel::Forward(std::span<const int32_t> ids,
                               std::span<const SequencePart> parts) const {
  const auto vocabulary = static_cast<int32_t>(embedding_.values.size(0));
  for (const int32_t id : ids) {
    if (id < 0 || id >= vocabulary) {
      throw InputError("token " + std::to_string(id) + " is not in the vocabulary, 0.." +
                       std::to_string(vocabulary - 1));
    }
  }
  const at::AutoDispatchBelowADInplaceOrView no_autograd;
  const at::Tensor index = ToDevice({ids.begin(), ids.end()}, compute_);  // [tokens]
  return stack_->Forward(RowsOf(embedding_, index), parts);
}

OutputHead::OutputHead(const Model& model, const Compute& compute, const InputModel* tied)
    : norm_eps_(model.config.norm_eps), compute_(compute) {
  CheckCompute(compute);
  norm_ = model.weights->Load("model.norm.weight", {model.config.shape.hidden}, compute);
  if (!model.config.shape.tied_embeddings) {
    weight_ = LoadTable(model, "lm_head.weight", compute);
  } else {
    weight_ = tied != nullptr ? tied->embedding()
                              : LoadTable(model, "model.embed_tokens.weight", compute);
  }
}

at::Tensor OutputHead::Logits(const at::Tensor& deep) const {
  const at::AutoDispatchBelowADInplaceOrView no_autograd;
  return WithMemoryErrors([&] {
    const at::Tensor x = deep.to(OptionsOf(compute_)).contiguous();  // [n, hidden]
    if (HasCpuOperations(compute_)) {
      return CpuLinear(CpuNorm(x, norm_, norm_eps_), weight_, {}, /*wide=*/true);
    }
    return WideLogits(at::linear(RmsNorm(x, norm_, norm_eps_), weight_.values));
  });
}

}  // namespace hat
