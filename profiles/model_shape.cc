#include "profiles/model_shape.h"

#include <filesystem>
#include <tuple>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/error.h"
#include "core/files.h"
#include "core/strict_json.h"

namespace hat {
namespace {

// name, hidden, layers, heads, kv_heads, head_dim, ffn, vocabulary, tied: each model's published
// config.json.
const ModelShape kShapes[] = {
    {"vicuna-7b", 4096, 32, 32, 32, 128, 11008, 32000, false},
    {"vicuna-13b", 5120, 40, 40, 40, 128, 13824, 32000, false},
    {"llama-3-8b", 4096, 32, 32, 8, 128, 14336, 128256, false},
    {"llama-2-70b", 8192, 80, 64, 8, 128, 28672, 32000, false},
    {"tinyllama-1.1b", 2048, 22, 32, 4, 64, 5632, 32000, false},
    {"smollm2-360m", 960, 32, 15, 5, 64, 2560, 49152, true},
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
  config.At("model_type").Choice({"llama", "mistral"});
  if (config.Has("hidden_act")) config.At("hidden_act").Choice({"silu"});
  for (const char* bias : {"attention_bias", "mlp_bias"}) {
    if (config.Has(bias) && config.At(bias).Bool()) {
      config.At(bias).Fail("must be false: biases are not part of the Llama architecture");
    }
  }
}

ModelShape ReadConfig(const std::string& path) {
  const nlohmann::json document = ParseJson(ReadFile(path), path);
  const JsonNode config(document, path);
  CheckArchitecture(config);
  ModelShape shape;
  shape.name = NameOfConfig(path);
  shape.hidden = SizeOf(config, "hidden_size", 1 << 20);
  shape.layers = SizeOf(config, "num_hidden_layers", 10'000);
  shape.heads = SizeOf(config, "num_attention_heads", 1 << 16);
  shape.kv_heads = SizeOr(config, "num_key_value_heads", 1 << 16, shape.heads);
  if (shape.heads % shape.kv_heads != 0) {
    config.At("num_key_value_heads")
        .Fail(fmt::format("must divide num_attention_heads, {}, got {}", shape.heads,
                          shape.kv_heads));
  }
  if (!config.Has("head_dim") && shape.hidden % shape.heads != 0) {
    config.At("hidden_size")
        .Fail(fmt::format(
            "must be a multiple of num_attention_heads, {}, or the file must have 'head_dim'",
            shape.heads));
  }
  shape.head_dim = SizeOr(config, "head_dim", 1 << 16, shape.hidden / shape.heads);
  shape.ffn = SizeOf(config, "intermediate_size", 1 << 24);
  shape.vocabulary = SizeOf(config, "vocab_size", 1 << 24);
  shape.tied_embeddings =
      config.Has("tie_word_embeddings") && config.At("tie_word_embeddings").Bool();
  return shape;
}

}  // namespace

double ModelShape::LayerWeights() const {
  const double d = hidden;
  const double attention = 2 * d * heads * head_dim + 2 * d * kv_heads * head_dim;
  return attention + 3 * d * ffn + 2 * d;
}

double ModelShape::EmbeddingWeights() const { return double{1} * vocabulary * hidden; }

double ModelShape::AdapterWeights() const { return 4.0 * hidden * hidden; }

double ModelShape::MedusaHeadWeights() const {
  const double d = hidden;
  return d * d + d + vocabulary * d;
}

double ModelShape::TotalWeights() const {
  return layers * LayerWeights() + EmbeddingWeights() * (tied_embeddings ? 1 : 2) + hidden;
}

Bytes ModelShape::KvBytesPerToken(int layer_count, int bytes_per_value) const {
  return Bytes(2.0 * layer_count * kv_heads * head_dim * bytes_per_value);
}

bool ModelShape::HasSameSizes(const ModelShape& other) const {
  ModelShape renamed = other;
  renamed.name = name;
  return *this == renamed;
}

std::string Describe(const ModelShape& shape) {
  return fmt::format("hidden {}, {} layers, {} heads ({} KV) of {}, FFN {}, vocabulary {}{}",
                     shape.hidden, shape.layers, shape.heads, shape.kv_heads, shape.head_dim,
                     shape.ffn, shape.vocabulary, shape.tied_embeddings ? ", tied" : "");
}

ModelShape FindModelShape(const std::string& name) {
  if (name.ends_with(".json")) return ReadConfig(name);
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
