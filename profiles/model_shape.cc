#include "profiles/model_shape.h"

#include <algorithm>
#include <filesystem>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/error.h"
#include "core/files.h"
#include "core/strict_json.h"

namespace hat {
namespace {

// name, hidden, layers, {heads, kv_heads, head_dim, ffn}, vocabulary, tied: each model's published
// config.json.
const ModelShape kShapes[] = {
    LikeLayers("vicuna-7b", 4096, 32, {32, 32, 128, 11008}, 32000, false),
    LikeLayers("vicuna-13b", 5120, 40, {40, 40, 128, 13824}, 32000, false),
    LikeLayers("llama-3-8b", 4096, 32, {32, 8, 128, 14336}, 128256, false),
    LikeLayers("llama-2-70b", 8192, 80, {64, 8, 128, 28672}, 32000, false),
    LikeLayers("tinyllama-1.1b", 2048, 22, {32, 4, 64, 5632}, 32000, false),
    LikeLayers("vicuna-68m", 768, 2, {12, 12, 64, 3072}, 32000, false),
    LikeLayers("smollm2-135m", 576, 30, {9, 3, 64, 1536}, 49152, true),
    LikeLayers("smollm2-360m", 960, 32, {15, 5, 64, 2560}, 49152, true),
};

// The folder's name, as Hugging Face repositories are laid out; another file name stands for
// itself.
std::string NameOfConfig(const std::string& path) {
  const std::filesystem::path file = std::filesystem::absolute(path).lexically_normal();
  return file.filename() == "config.json" ? file.parent_path().filename() : file.stem();
}

int SizeOf(const JsonNode& config, const std::string& key, int64_t high) {
  return static_cast<int>(config.At(key).Integer(1, high));
}

int SizeOr(const JsonNode& config, const std::string& key, int64_t high, int fallback) {
  return config.Has(key) ? SizeOf(config, key, high) : fallback;
}

void CheckArchitecture(const JsonNode& config) {
  config.At("model_type").Choice(ModelTypes());
  if (config.Has("hidden_act")) config.At("hidden_act").Choice({"silu"});
  for (const char* bias : {"attention_bias", "mlp_bias"}) {
    if (config.Has(bias) && config.At(bias).Bool()) {
      config.At(bias).Fail("must be false: such biases are not computed");
    }
  }
}

}  // namespace

const std::vector<std::string>& ModelTypes() {
  static const std::vector<std::string> kTypes = {"llama", "mistral", "qwen2", "qwen3", "smollm3"};
  return kTypes;
}

ModelShape ShapeOfConfig(const JsonNode& config, const std::string& path) {
  CheckArchitecture(config);
  const int hidden = SizeOf(config, "hidden_size", 1 << 20);
  const int count = SizeOf(config, "num_hidden_layers", kMostLayersOfModel);
  LayerShape layer;
  layer.heads = SizeOf(config, "num_attention_heads", 1 << 16);
  layer.kv_heads = SizeOr(config, "num_key_value_heads", 1 << 16, layer.heads);
  if (layer.heads % layer.kv_heads != 0) {
    config.At("num_key_value_heads")
        .Fail(fmt::format("must divide num_attention_heads, {}, got {}", layer.heads,
                          layer.kv_heads));
  }
  if (!config.Has("head_dim") && hidden % layer.heads != 0) {
    config.At("hidden_size")
        .Fail(fmt::format(
            "must be a multiple of num_attention_heads, {}, or the file must have 'head_dim'",
            layer.heads));
  }
  layer.head_dim = SizeOr(config, "head_dim", 1 << 16, hidden / layer.heads);
  layer.ffn = SizeOf(config, "intermediate_size", 1 << 24);
  const int vocabulary = SizeOf(config, "vocab_size", 1 << 24);
  const bool is_tied = config.Has("tie_word_embeddings") && config.At("tie_word_embeddings").Bool();
  return LikeLayers(NameOfConfig(path), hidden, count, layer, vocabulary, is_tied);
}

namespace {

int SizeIn(const JsonNode& node, const char* key) {
  return static_cast<int>(node.At(key).Integer(1, 1 << 24));
}

const std::vector<std::string> kLayerKeys = {"heads", "kv_heads", "head_dim", "ffn"};

LayerShape ReadLayer(const JsonNode& node) {
  return {SizeIn(node, "heads"), SizeIn(node, "kv_heads"), SizeIn(node, "head_dim"),
          SizeIn(node, "ffn")};
}

// "layers" is how many there are, all as the model says, or a list of runs that say it themselves.
std::vector<LayerShape> ReadLayers(const JsonNode& model) {
  std::vector<LayerShape> layers;
  const auto add = [&](int count, const LayerShape& layer) {
    layers.insert(layers.end(), static_cast<size_t>(count), layer);
    if (layers.size() > size_t{kMostLayersOfModel}) {
      model.At("layers").Fail(fmt::format("must have at most {} in all", kMostLayersOfModel));
    }
  };
  const auto count_in = [](const JsonNode& node) {
    return static_cast<int>(node.Integer(1, kMostLayersOfModel));
  };
  if (!model.At("layers").IsArray()) {
    add(count_in(model.At("layers")), ReadLayer(model));
    return layers;
  }
  for (const std::string& key : kLayerKeys) {
    if (model.Has(key)) model.At(key).Fail("stands in each run of 'layers' where that is a list");
  }
  for (const JsonNode& run : model.At("layers").Items()) {
    std::vector<std::string> keys = kLayerKeys;
    keys.insert(keys.begin(), "count");
    run.AllowOnly(keys);
    add(count_in(run.At("count")), ReadLayer(run));
  }
  if (layers.empty()) model.At("layers").Fail("must have at least one run");
  return layers;
}

}  // namespace

double LayerShape::Weights(int hidden) const {
  const double d = hidden;
  const double attention = 2 * d * heads * head_dim + 2 * d * kv_heads * head_dim;
  return attention + 3 * d * ffn + 2 * d;
}

Bytes LayerShape::KvBytesPerToken(int bytes_per_value) const {
  return Bytes(2.0 * kv_heads * head_dim * bytes_per_value);
}

std::vector<LayerShape> ModelShape::LayerClasses() const {
  std::vector<LayerShape> classes;
  for (const LayerShape& layer : layers) {
    if (std::ranges::find(classes, layer) == classes.end()) classes.push_back(layer);
  }
  return classes;
}

std::vector<int> ModelShape::LayersOfClasses(int first, int last) const {
  HAT_CHECK(0 <= first && first <= last && last <= layer_count());
  std::vector<int> counts;
  for (const LayerShape& one : LayerClasses()) {
    counts.push_back(
        static_cast<int>(std::count(layers.begin() + first, layers.begin() + last, one)));
  }
  return counts;
}

bool ModelShape::has_like_layers() const { return LayerClasses().size() == 1; }

const LayerShape& ModelShape::every_layer() const {
  HAT_CHECK(has_like_layers(), name);
  return layers[0];
}

double ModelShape::LayerWeights(int first, int last) const {
  double weights = 0;
  for (int i = first; i < last; ++i) weights += layers.at(static_cast<size_t>(i)).Weights(hidden);
  return weights;
}

Bytes ModelShape::KvBytesPerToken(int first, int last, int bytes_per_value) const {
  Bytes bytes;
  for (int i = first; i < last; ++i) {
    bytes += layers.at(static_cast<size_t>(i)).KvBytesPerToken(bytes_per_value);
  }
  return bytes;
}

double ModelShape::EmbeddingWeights() const { return double{1} * vocabulary * hidden; }

double ModelShape::AdapterWeights() const { return 4.0 * hidden * hidden; }

double ModelShape::MedusaHeadWeights() const {
  const double d = hidden;
  return d * d + d + vocabulary * d;
}

double ModelShape::TotalWeights() const {
  return LayerWeights(0, layer_count()) + EmbeddingWeights() * (tied_embeddings ? 1 : 2) + hidden;
}

bool ModelShape::HasSameSizes(const ModelShape& other) const {
  ModelShape renamed = other;
  renamed.name = name;
  return *this == renamed;
}

std::string Describe(const ModelShape& shape) {
  std::string text = fmt::format("hidden {}, ", shape.hidden);
  for (const auto& [count, layer] : LayerRuns(shape)) {
    text += fmt::format("{} layers, {} heads ({} KV) of {}, FFN {}, ", count, layer.heads,
                        layer.kv_heads, layer.head_dim, layer.ffn);
  }
  return text +
         fmt::format("vocabulary {}{}", shape.vocabulary, shape.tied_embeddings ? ", tied" : "");
}

ModelShape LikeLayers(std::string name, int hidden, int count, LayerShape layer, int vocabulary,
                      bool tied_embeddings) {
  return {std::move(name), hidden, std::vector<LayerShape>(static_cast<size_t>(count), layer),
          vocabulary, tied_embeddings};
}

std::vector<LayerRun> LayerRuns(const ModelShape& shape) {
  std::vector<LayerRun> runs;
  for (const LayerShape& layer : shape.layers) {
    if (runs.empty() || !(runs.back().layer == layer)) runs.push_back({0, layer});
    ++runs.back().count;
  }
  return runs;
}

ModelShape ReadModelShape(const JsonNode& node) {
  node.AllowOnly({"name", "hidden", "layers", "heads", "kv_heads", "head_dim", "ffn", "vocabulary",
                  "tied_embeddings"});
  ModelShape shape;
  shape.name = node.At("name").String();
  shape.hidden = SizeIn(node, "hidden");
  shape.layers = ReadLayers(node);
  shape.vocabulary = SizeIn(node, "vocabulary");
  shape.tied_embeddings = node.At("tied_embeddings").Bool();
  return shape;
}

ModelShape FindModelShape(const std::string& name) {
  if (name.ends_with(".json")) {
    const nlohmann::json document = ParseJson(ReadFile(name), name);
    const JsonNode root(document, name);
    if (root.Has("hidden")) return ReadModelShape(root);
    const nlohmann::json config = WithoutNulls(document);
    return ShapeOfConfig(JsonNode(config, name), name);
  }
  for (const ModelShape& shape : kShapes) {
    if (shape.name == name) return shape;
  }
  throw InputError(
      fmt::format("unknown model '{}'; known: {}, or the path of a Hugging Face config.json", name,
                  fmt::join(ModelShapeNames(), ", ")));
}

std::vector<std::string> ModelShapeNames() {
  std::vector<std::string> names;
  for (const ModelShape& shape : kShapes) names.push_back(shape.name);
  return names;
}

}  // namespace hat
