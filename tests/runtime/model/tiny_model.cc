#include "tests/runtime/model/tiny_model.h"

#include <limits>

#include "core/random.h"

namespace hat {

ModelConfig TinyConfig(uint64_t seed) {
  RngStream stream(seed, "tiny config");
  ModelConfig config;
  ModelShape& shape = config.shape;
  shape.name = "tiny";
  const int layers = 2 + stream.UniformInt(4);
  LayerShape layer;
  layer.kv_heads = 1 + stream.UniformInt(3);
  layer.heads = layer.kv_heads * (1 + stream.UniformInt(2));
  layer.head_dim = 4 + 2 * stream.UniformInt(4);
  shape.hidden =
      stream.UniformInt(2) == 0 ? layer.heads * layer.head_dim : 8 + 4 * stream.UniformInt(5);
  layer.ffn = 8 + stream.UniformInt(40);
  shape.layers.assign(static_cast<size_t>(layers), layer);
  shape.vocabulary = 20 + stream.UniformInt(60);
  shape.tied_embeddings = stream.UniformInt(2) == 0;
  config.max_positions = 512;
  config.rope_theta = stream.UniformInt(2) == 0 ? 10000 : 500;
  config.rope_scaling.kind = static_cast<RopeScaling::Kind>(stream.UniformInt(3));
  config.rope_scaling.factor = 4;
  config.rope_scaling.original_positions = 64;
  return config;
}

Model TinyModel(uint64_t seed) { return RandomModel(TinyConfig(seed), seed); }

std::vector<int32_t> RandomIds(uint64_t seed, int count, int vocabulary) {
  RngStream stream(seed, "ids");
  std::vector<int32_t> ids;
  for (int i = 0; i < count; ++i) ids.push_back(stream.UniformInt(vocabulary));
  return ids;
}

double Distance(const at::Tensor& a, const at::Tensor& b) {
  if (a.sizes() != b.sizes()) return std::numeric_limits<double>::infinity();
  const at::Tensor wide = b.to(at::kDouble);
  const double distance =
      ((a.to(at::kDouble) - wide).abs().max() / wide.abs().max()).item<double>();
  return std::isnan(distance) ? std::numeric_limits<double>::infinity() : distance;
}

at::Tensor RunAlone(const InputModel& model, const std::vector<int32_t>& ids) {
  KvCache cache = model.MakeCache();
  const SequencePart part{&cache, static_cast<int>(ids.size()), {}};
  return model.Forward(ids, {&part, 1});
}

at::Tensor Rows(const at::Tensor& x, int64_t first, int64_t count) {
  return x.narrow(0, first, count);
}

std::vector<int32_t> Slice(const std::vector<int32_t>& values, int first, int count) {
  return {values.begin() + first, values.begin() + first + count};
}

}  // namespace hat
