#include "runtime/convert/gguf_model.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <set>
#include <string_view>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/error.h"
#include "runtime/convert/gguf_tokenizer.h"
#include "runtime/model/checkpoint.h"

namespace hat {
namespace {

// What llama.cpp calls a family, and whether it turns pairs of neighbours, (2i, 2i + 1), where
// Hugging Face turns halves, (i, i + dim / 2): its files then have the rows of q and k in pairs.
struct Architecture {
  const char* name;
  bool is_interleaved;
};
constexpr Architecture kArchitectures[] = {
    {"llama", true}, {"qwen2", false}, {"qwen3", false}, {"smollm3", true}};

// Tensors of a layer: Hugging Face's name and GGUF's.
constexpr std::pair<const char*, const char*> kLayerNames[] = {
    {"input_layernorm.weight", "attn_norm.weight"},
    {"post_attention_layernorm.weight", "ffn_norm.weight"},
    {"self_attn.q_proj.weight", "attn_q.weight"},
    {"self_attn.k_proj.weight", "attn_k.weight"},
    {"self_attn.v_proj.weight", "attn_v.weight"},
    {"self_attn.o_proj.weight", "attn_output.weight"},
    {"self_attn.q_proj.bias", "attn_q.bias"},
    {"self_attn.k_proj.bias", "attn_k.bias"},
    {"self_attn.v_proj.bias", "attn_v.bias"},
    {"self_attn.q_norm.weight", "attn_q_norm.weight"},
    {"self_attn.k_norm.weight", "attn_k_norm.weight"},
    {"mlp.gate_proj.weight", "ffn_gate.weight"},
    {"mlp.up_proj.weight", "ffn_up.weight"},
    {"mlp.down_proj.weight", "ffn_down.weight"}};
constexpr std::pair<const char*, const char*> kNames[] = {
    {"model.embed_tokens.weight", "token_embd.weight"},
    {"model.norm.weight", "output_norm.weight"},
    {"lm_head.weight", "output.weight"}};

constexpr int64_t kMost = 1 << 24;  // of any size

constexpr const char* kFrequencies = "rope_freqs.weight";  // Llama 3.1: divisors, one a pair

// GGUF's name of a tensor that Hugging Face calls `name`.
std::string NameInGguf(const std::string& name) {
  constexpr std::string_view kLayers = "model.layers.";
  for (const auto& [theirs, gguf] : kNames) {
    if (name == theirs) return gguf;
  }
  HAT_CHECK(name.starts_with(kLayers), name);
  const size_t dot = name.find('.', kLayers.size());
  const std::string layer = name.substr(kLayers.size(), dot - kLayers.size());
  for (const auto& [theirs, gguf] : kLayerNames) {
    if (name.substr(dot + 1) == theirs) return fmt::format("blk.{}.{}", layer, gguf);
  }
  HAT_CHECK(false, name);
}

const Architecture& ArchitectureOf(const GgufContent& gguf) {
  const std::string name = gguf.Text("general.architecture");
  std::vector<std::string> known;
  for (const Architecture& architecture : kArchitectures) {
    if (architecture.name == name) return architecture;
    known.emplace_back(architecture.name);
  }
  gguf.Fail("general.architecture",
            fmt::format("is \"{}\", which is not computed; those that are: {}", name,
                        fmt::join(known, ", ")));
}

// GGUF keeps floats in 32 bits: 1e-05 is 9.99999975e-06 there.
double Shortest(double value) {
  return std::strtod(fmt::format("{}", static_cast<float>(value)).c_str(), nullptr);
}

// Llama 3.1's and 3.2's way of stretching, told from the divisors that it leaves; else none.
RopeScaling ScalingOf(const std::vector<float>& divisors, const ModelConfig& config) {
  const int dim = static_cast<int>(divisors.size()) * 2;
  const std::vector<float> plain = RotaryFrequencies(config, dim);
  for (const double factor : {8.0, 32.0}) {
    ModelConfig scaled = config;
    scaled.rope_scaling = {RopeScaling::Kind::kLlama3, factor, 1, 4, 8192};
    const std::vector<float> wanted = RotaryFrequencies(scaled, dim);
    bool is_same = true;
    for (size_t i = 0; i < divisors.size(); ++i) {
      is_same = is_same && std::abs(wanted[i] * divisors[i] / plain[i] - 1) < 1e-3F;
    }
    if (is_same) return scaled.rope_scaling;
  }
  return {};
}

// Rows of heads from the order of pairs (0, h, 1, h + 1, ...) to that of halves (0, 1, ..., h,
// ...).
void PutInHalves(std::span<float> values, int64_t rows, int heads) {
  const auto row_values = static_cast<int64_t>(values.size()) / rows;
  const int64_t dim = rows / heads;
  const std::vector<float> pairs(values.begin(), values.end());
  for (int64_t row = 0; row < rows; ++row) {
    const int64_t in_head = row % dim;
    const int64_t half = in_head / (dim / 2);
    const int64_t from = row - in_head + 2 * (in_head % (dim / 2)) + half;
    std::copy_n(pairs.begin() + from * row_values, row_values, values.begin() + row * row_values);
  }
}

}  // namespace

GgufModel::GgufModel(const std::string& path) : file_(path), gguf_(file_.bytes(), path) {
  prefix_ = std::string(ArchitectureOf(gguf_).name) + ".";
  ReadConfig();
  ReadTokens();
  ReadScaling();
  FindTensors();
}

int GgufModel::Size(const char* key) const {
  return static_cast<int>(gguf_.Integer(prefix_ + key, 1, kMost));
}

LayerShape GgufModel::ReadLayer(int hidden) const {
  const auto size_or = [&](const char* key, int fallback) {
    return gguf_.Has(prefix_ + key) ? Size(key) : fallback;
  };
  LayerShape layer;
  layer.heads = Size("attention.head_count");
  layer.kv_heads = size_or("attention.head_count_kv", layer.heads);
  layer.head_dim = size_or("attention.key_length", std::max(1, hidden / layer.heads));
  layer.ffn = Size("feed_forward_length");
  if (layer.heads % layer.kv_heads != 0 || layer.head_dim % 2 != 0) {
    gguf_.Fail(prefix_ + "attention.head_count",
               fmt::format("and its like contradict each other: {} heads over {} of keys, of {}",
                           layer.heads, layer.kv_heads, layer.head_dim));
  }
  for (const char* key : {"attention.value_length", "rope.dimension_count"}) {
    if (gguf_.Has(prefix_ + key)) gguf_.Integer(prefix_ + key, layer.head_dim, layer.head_dim);
  }
  return layer;
}

void GgufModel::ReadConfig() {
  if (gguf_.Has(prefix_ + "expert_count")) gguf_.Integer(prefix_ + "expert_count", 0, 0);
  const int hidden = Size("embedding_length");
  const int layers =
      static_cast<int>(gguf_.Integer(prefix_ + "block_count", 1, kMostLayersOfModel));
  const auto embedding = gguf_.tensors().find("token_embd.weight");
  if (embedding == gguf_.tensors().end()) gguf_.Fail("token_embd.weight", "is missing");
  const int64_t vocabulary = embedding->second.shape[0];
  if (vocabulary > kMost) gguf_.Fail("token_embd.weight", "has too many rows");
  config_.shape = LikeLayers("", hidden, layers, ReadLayer(hidden), static_cast<int>(vocabulary),
                             !gguf_.tensors().contains("output.weight"));
  config_.norm_eps = Shortest(gguf_.Number(prefix_ + "attention.layer_norm_rms_epsilon"));
  config_.max_positions = Size("context_length");
  config_.has_qkv_bias = prefix_ == "qwen2.";
  config_.has_qk_norm = prefix_ == "qwen3.";
  if (prefix_ == "smollm3.") {  // llama.cpp's files do not say it
    for (int i = 3; i < layers; i += 4) config_.unrotated_layers.push_back(i);
  }
}

void GgufModel::ReadTokens() {
  const int vocabulary = config_.shape.vocabulary;
  const auto token = [&](const char* role) {
    const std::string key = fmt::format("tokenizer.ggml.{}_token_id", role);
    return gguf_.Has(key) ? static_cast<int>(gguf_.Integer(key, 0, vocabulary - 1)) : -1;
  };
  config_.bos_token = token("bos");
  for (const char* role : {"eos", "eot", "eom"}) {
    const int end = token(role);
    if (end >= 0 && std::ranges::find(config_.eos_tokens, end) == config_.eos_tokens.end()) {
      config_.eos_tokens.push_back(end);
    }
  }
}

void GgufModel::ReadScaling() {
  const std::string theta = prefix_ + "rope.freq_base";
  if (gguf_.Has(theta)) config_.rope_theta = Shortest(gguf_.Number(theta));
  if (!(config_.rope_theta >= 1)) gguf_.Fail(theta, "must be at least 1");
  const std::string type = prefix_ + "rope.scaling.type";
  const std::string kind = gguf_.Has(type) ? gguf_.Text(type) : "none";
  if (kind == "linear") {
    config_.rope_scaling.kind = RopeScaling::Kind::kLinear;
    config_.rope_scaling.factor = Shortest(gguf_.Number(prefix_ + "rope.scaling.factor"));
    if (!(config_.rope_scaling.factor >= 1)) gguf_.Fail(type, "is linear, with a factor below 1");
  } else if (kind != "none") {
    gguf_.Fail(type, fmt::format("is \"{}\", which is not computed; none and linear are", kind));
  }
  const auto found = gguf_.tensors().find(kFrequencies);
  if (found == gguf_.tensors().end()) return;
  const int dim = config_.shape.every_layer().head_dim;
  std::vector<float> divisors(static_cast<size_t>(dim / 2));
  if (found->second.size() != dim / 2 || found->second.type != GgufType::kF32) {
    gguf_.Fail(kFrequencies, fmt::format("must be {} values in F32", dim / 2));
  }
  Dequantize(found->second, 0, divisors);
  config_.rope_scaling = ScalingOf(divisors, config_);
  if (config_.rope_scaling.kind == RopeScaling::Kind::kNone) {
    gguf_.Fail(kFrequencies, "are not those of Llama 3.1 (factor 8) or 3.2 (factor 32)");
  }
}

void GgufModel::FindTensors() {
  const bool is_interleaved = ArchitectureOf(gguf_).is_interleaved;
  const LayerShape& layer = config_.shape.every_layer();
  std::set<std::string> used = {kFrequencies};
  for (const auto& [name, shape] : TensorShapes(config_)) {
    const std::string theirs = NameInGguf(name);
    const auto found = gguf_.tensors().find(theirs);
    if (found == gguf_.tensors().end()) gguf_.Fail(theirs, "is missing");
    if (found->second.shape != shape) {
      gguf_.Fail(theirs, fmt::format("has the shape [{}], the file's sizes make it [{}]",
                                     fmt::join(found->second.shape, ", "), fmt::join(shape, ", ")));
    }
    Source source{&found->second, 0};
    if (is_interleaved && name.find(".q_proj.") != std::string::npos) {
      source.interleaved_heads = layer.heads;
    } else if (is_interleaved && name.find(".k_proj.") != std::string::npos) {
      source.interleaved_heads = layer.kv_heads;
    }
    sources_[name] = source;
    used.insert(theirs);
  }
  for (const auto& [name, tensor] : gguf_.tensors()) {
    if (!used.contains(name)) gguf_.Fail(name, "is a tensor that nothing here computes with");
  }
}

Dtype GgufModel::widest() const {
  bool is_bf16 = false, is_other = false;
  for (const auto& [name, source] : sources_) {
    const GgufType type = source.tensor->type;
    if (source.tensor->shape.size() < 2) continue;
    if (type == GgufType::kF32) return Dtype::kFloat32;
    (type == GgufType::kBf16 ? is_bf16 : is_other) = true;
  }
  if (is_bf16 && is_other) return Dtype::kFloat32;
  return is_bf16 ? Dtype::kBfloat16 : Dtype::kFloat16;
}

void GgufModel::Read(const std::string& name, std::span<float> values) const {
  const Source& source = sources_.at(name);
  Dequantize(*source.tensor, 0, values);
  file_.Release(source.tensor->bytes);
  if (source.interleaved_heads == 0) return;
  PutInHalves(values, source.tensor->shape[0], source.interleaved_heads);
}

std::map<std::string, std::string> GgufModel::OtherFiles() const { return TokenizerFiles(gguf_); }

}  // namespace hat
