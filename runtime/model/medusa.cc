#include "runtime/model/medusa.h"

#include <cmath>

#include <ATen/ATen.h>

#include "core/error.h"
#include "runtime/model/layer_math.h"
#include "runtime/model/tensor_file.h"
#include "runtime/model/torch_compute.h"

namespace hat {
namespace {

constexpr const char* kKind = "hat-medusa";
constexpr int kRandomHeads = 4;
constexpr int kMostHeads = 16;

std::string NameOf(int head, const char* part) {
  return "heads." + std::to_string(head) + "." + part;
}

MedusaFile RandomHeads(uint64_t seed, const ModelShape& shape) {
  const double scale = std::sqrt(3.0 / shape.hidden);
  MedusaFile file;
  for (int j = 0; j < kRandomHeads; ++j) {
    const std::string name = "medusa." + std::to_string(j);
    file.heads.push_back(
        {RandomTensor({shape.hidden, shape.hidden}, scale, seed, name + ".weight"),
         at::zeros({shape.hidden}, at::kFloat),
         RandomTensor({shape.vocabulary, shape.hidden}, scale, seed, name + ".output")});
  }
  return file;
}

}  // namespace

MedusaFile LoadMedusa(const std::string& file_or_random, const Model& model) {
  const ModelShape& shape = model.config.shape;
  if (const auto seed = RandomSeed(file_or_random)) return RandomHeads(*seed, shape);
  const TaggedTensors file(file_or_random, kKind, model.id);
  const int heads = file.Integer("heads");
  if (heads < 1 || heads > kMostHeads) {
    throw InputError(file_or_random + ": 'heads' must be in 1.." + std::to_string(kMostHeads) +
                     ", got " + std::to_string(heads));
  }
  MedusaFile medusa;
  medusa.model_id = model.id;
  const bool shares_output = !file.Has(NameOf(0, "output"));
  for (int j = 0; j < heads; ++j) {
    MedusaHead& head = medusa.heads.emplace_back();
    head.weight = file.Tensor(NameOf(j, "weight"), {shape.hidden, shape.hidden});
    head.bias = file.Tensor(NameOf(j, "bias"), {shape.hidden});
    if (shares_output) continue;
    head.output = file.Tensor(NameOf(j, "output"), {shape.vocabulary, shape.hidden});
  }
  file.RefuseOthers();
  return medusa;
}

void SaveMedusa(const std::string& path, const MedusaFile& medusa, Dtype dtype) {
  TensorFile file;
  file.metadata = {
      {"kind", kKind}, {"model", medusa.model_id}, {"heads", std::to_string(medusa.heads.size())}};
  for (size_t j = 0; j < medusa.heads.size(); ++j) {
    const auto number = static_cast<int>(j);
    const auto put = [&](const char* part, const at::Tensor& tensor) {
      if (tensor.defined())
        file.tensors[NameOf(number, part)] = tensor.detach().to(ScalarTypeOf(dtype));
    };
    put("weight", medusa.heads[j].weight);
    put("bias", medusa.heads[j].bias);
    put("output", medusa.heads[j].output);
  }
  WriteTensorFile(path, file);
}

at::Tensor MedusaLogits(const at::Tensor& x, const MedusaHead& head) {
  return at::linear(x + at::silu(at::linear(x, head.weight, head.bias)), head.output);
}

MedusaHeads::MedusaHeads(const Model& model, const MedusaFile& file, const OutputHead& head,
                         const Compute& compute)
    : norm_eps_(model.config.norm_eps), compute_(compute) {
  CheckCompute(compute);
  const auto options = OptionsOf(compute);
  norm_ = head.norm().to(options);
  for (const MedusaHead& stored : file.heads) {
    heads_.push_back({stored.weight.detach().to(options), stored.bias.detach().to(options),
                      stored.output.defined()
                          ? stored.output.detach().to(options)
                          : Dense(head.weight(), options.dtype().toScalarType())});
  }
}

at::Tensor MedusaHeads::Logits(const at::Tensor& deep) const {
  const at::AutoDispatchBelowADInplaceOrView no_autograd;
  return WithMemoryErrors([&] {
    const at::Tensor normed = RmsNorm(deep.to(OptionsOf(compute_)), norm_, norm_eps_);
    std::vector<at::Tensor> logits;  // a head: [n, vocabulary]
    for (const MedusaHead& head : heads_) logits.push_back(WideLogits(MedusaLogits(normed, head)));
    return at::stack(logits);
  });
}

}  // namespace hat
