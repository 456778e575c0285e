#include "runtime/model/config.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <numbers>
#include <optional>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "core/error.h"
#include "core/files.h"
#include "core/strict_json.h"

namespace hat {
namespace {

using nlohmann::json;

int Positions(const JsonNode& config) {
  return static_cast<int>(config.At("max_position_embeddings").Integer(1, 1 << 24));
}

// A family that is computed: what config.json calls it.
struct Family {
  const char* model_type;
  const char* architecture;
};
constexpr Family kLlama = {"llama", "LlamaForCausalLM"};
constexpr Family kQwen2 = {"qwen2", "Qwen2ForCausalLM"};
constexpr Family kQwen3 = {"qwen3", "Qwen3ForCausalLM"};
constexpr Family kSmolLm3 = {"smollm3", "SmolLM3ForCausalLM"};
constexpr Family kFamilies[] = {
    kLlama, {"mistral", "MistralForCausalLM"}, kQwen2, kQwen3, kSmolLm3};

// None is narrower than the context, where one is used: Qwen and SmolLM have to say that it is.
void RefuseNarrowWindow(const JsonNode& config) {
  if (!config.Has("sliding_window")) return;
  const std::string type = config.At("model_type").String();
  const bool is_used = config.Has("use_sliding_window") ? config.At("use_sliding_window").Bool()
                                                        : type == "mistral" || type == "llama";
  if (!is_used) return;
  config.At("sliding_window").Integer(Positions(config), 1 << 30);
}

void RefuseWhatIsNotComputed(const JsonNode& config) {
  if (config.Has("architectures")) {
    const std::string type = config.At("model_type").Choice(ModelTypes());
    for (const JsonNode& name : config.At("architectures").Items()) {
      for (const Family& family : kFamilies) {
        if (type == family.model_type) name.Choice({family.architecture});
      }
    }
  }
  RefuseNarrowWindow(config);
  if (config.Has("quantization_config")) {
    config.At("quantization_config").Fail("must be absent: quantised weights cannot be computed");
  }
  if (config.Has("partial_rotary_factor")) config.At("partial_rotary_factor").Number(1, 1);
}

// The value of the one of two spellings that is there, checked to agree where both are.
std::string OneOf(const JsonNode& node, const std::string& a, const std::string& b,
                  const std::string& neither) {
  if (node.Has(a) && node.Has(b) && node.At(a).String() != node.At(b).String()) {
    node.At(a).Fail(fmt::format("contradicts '{}': \"{}\" and \"{}\"", b, node.At(a).String(),
                                node.At(b).String()));
  }
  if (node.Has(a)) return node.At(a).String();
  return node.Has(b) ? node.At(b).String() : neither;
}

constexpr double kMostTheta = 1e12;

RopeScaling ReadScaling(const JsonNode& node) {
  RopeScaling scaling;
  const std::string type = OneOf(node, "rope_type", "type", "");
  if (type.empty()) {
    if (node.Has("factor")) node.Fail("must have 'rope_type': default, linear or llama3");
    return scaling;
  }
  node.At(node.Has("rope_type") ? "rope_type" : "type").Choice({"default", "linear", "llama3"});
  if (type == "default") return scaling;
  scaling.factor = node.At("factor").Number(1, 1e6);
  scaling.kind = RopeScaling::Kind::kLinear;
  if (type == "linear") return scaling;
  scaling.kind = RopeScaling::Kind::kLlama3;
  scaling.low_freq_factor = node.At("low_freq_factor").Number(1e-6, 1e6);
  scaling.high_freq_factor = node.At("high_freq_factor").Number(1e-6, 1e6);
  if (scaling.high_freq_factor <= scaling.low_freq_factor) {
    node.At("high_freq_factor").Fail("must be above low_freq_factor");
  }
  scaling.original_positions =
      static_cast<int>(node.At("original_max_position_embeddings").Integer(1, 1 << 30));
  return scaling;
}

// What the family has beside Llama's arithmetic.
void ReadFamily(const JsonNode& config, ModelConfig& model) {
  const std::string type = config.At("model_type").String();
  model.has_qkv_bias = type == kQwen2.model_type;
  model.has_qk_norm = type == kQwen3.model_type;
  if (type != kSmolLm3.model_type) return;
  if (!config.Has("no_rope_layers")) {
    const int64_t interval = config.Has("no_rope_layer_interval")
                                 ? config.At("no_rope_layer_interval").Integer(1, 1 << 24)
                                 : 4;
    for (int64_t layer = interval - 1; layer < model.shape.layer_count(); layer += interval) {
      model.unrotated_layers.push_back(static_cast<int>(layer));
    }
    return;
  }
  const std::vector<JsonNode> flags = config.At("no_rope_layers").Items();  // 1: rotated
  if (static_cast<int>(flags.size()) != model.shape.layer_count()) {
    config.At("no_rope_layers").Fail(fmt::format("must have {} items", model.shape.layer_count()));
  }
  for (size_t layer = 0; layer < flags.size(); ++layer) {
    if (flags[layer].Integer(0, 1) == 0) model.unrotated_layers.push_back(static_cast<int>(layer));
  }
}

// The frequencies' base that the config has; none: that of Llama 1.
void SetTheta(const JsonNode& theta, bool is_known, ModelConfig& model) {
  const double value = theta.Number(1, kMostTheta);
  if (is_known && value != model.rope_theta) {
    theta.Fail(fmt::format("contradicts 'rope_theta': {} and {}", value, model.rope_theta));
  }
  model.rope_theta = value;
}

// Of either spelling; exporters write both, for either version of transformers.
void ReadRope(const JsonNode& config, ModelConfig& model) {
  bool has_theta = config.Has("rope_theta");
  if (has_theta) SetTheta(config.At("rope_theta"), false, model);
  std::optional<RopeScaling> known;
  for (const char* key : {"rope_parameters", "rope_scaling"}) {
    if (!config.Has(key)) continue;
    const JsonNode rope = config.At(key);
    rope.AllowOnly({"rope_type", "type", "factor", "low_freq_factor", "high_freq_factor",
                    "original_max_position_embeddings", "rope_theta", "partial_rotary_factor"});
    if (rope.Has("partial_rotary_factor")) rope.At("partial_rotary_factor").Number(1, 1);
    if (rope.Has("rope_theta")) {
      SetTheta(rope.At("rope_theta"), has_theta, model);
      has_theta = true;
    }
    const RopeScaling scaling = ReadScaling(rope);
    if (known && scaling != *known) rope.Fail("contradicts 'rope_parameters', its newer spelling");
    known = scaling;
  }
  model.rope_scaling = known.value_or(RopeScaling());
}

std::vector<int> TokensIn(const JsonNode& node, int vocabulary) {
  const auto token = [&](const JsonNode& one) {
    return static_cast<int>(one.Integer(-1, vocabulary - 1));
  };
  std::vector<int> tokens;
  if (node.IsArray()) {
    for (const JsonNode& item : node.Items()) tokens.push_back(token(item));
  } else {
    tokens.push_back(token(node));
  }
  std::erase(tokens, -1);
  return tokens;
}

// The end of a text is what generation_config.json says, where it says it.
void ReadTokens(const JsonNode& config, const std::string& folder, ModelConfig& model) {
  const int vocabulary = model.shape.vocabulary;
  if (config.Has("bos_token_id")) {
    model.bos_token = static_cast<int>(config.At("bos_token_id").Integer(-1, vocabulary - 1));
  }
  if (config.Has("eos_token_id")) {
    model.eos_tokens = TokensIn(config.At("eos_token_id"), vocabulary);
  }
  const std::string tokenizer = folder + "/tokenizer_config.json";
  if (IsThere(tokenizer)) {
    const json document = WithoutNulls(ParseJson(ReadFile(tokenizer), tokenizer));
    const JsonNode node(document, tokenizer);
    if (node.Has("add_bos_token") && !node.At("add_bos_token").Bool()) model.bos_token = -1;
  }
  const std::string path = folder + "/generation_config.json";
  if (!IsThere(path)) return;
  const json document = WithoutNulls(ParseJson(ReadFile(path), path));
  const JsonNode generation(document, path);
  if (!generation.Has("eos_token_id")) return;
  model.eos_tokens = TokensIn(generation.At("eos_token_id"), vocabulary);
}

}  // namespace

ModelConfig ReadModelConfig(const std::string& folder) {
  const std::string path = folder + "/config.json";
  const json document = WithoutNulls(ParseJson(ReadFile(path), path));
  const JsonNode config(document, path);
  RefuseWhatIsNotComputed(config);
  ModelConfig model;
  model.shape = ShapeOfConfig(config, path);
  if (const int dim = model.shape.every_layer().head_dim; dim % 2 != 0) {
    throw InputError(
        fmt::format("{}: head_dim must be even (rotary embedding), got {}", path, dim));
  }
  ReadFamily(config, model);
  model.norm_eps = config.At("rms_norm_eps").Number(0, 1);
  model.max_positions = Positions(config);
  ReadRope(config, model);
  model.dtype =
      ParseDtype(OneOf(config, "dtype", "torch_dtype", LongName(model.dtype)), path + ": 'dtype'");
  ReadTokens(config, folder, model);
  return model;
}

std::string ConfigJson(const ModelConfig& config) {
  const ModelShape& shape = config.shape;
  const LayerShape& layer = shape.every_layer();
  const RopeScaling& rope = config.rope_scaling;
  json scaling = nullptr;
  if (rope.kind == RopeScaling::Kind::kLinear) {
    scaling = {{"rope_type", "linear"}, {"factor", rope.factor}};
  } else if (rope.kind == RopeScaling::Kind::kLlama3) {
    scaling = {{"rope_type", "llama3"},
               {"factor", rope.factor},
               {"low_freq_factor", rope.low_freq_factor},
               {"high_freq_factor", rope.high_freq_factor},
               {"original_max_position_embeddings", rope.original_positions}};
  }
  const Family family = config.has_qkv_bias               ? kQwen2
                        : config.has_qk_norm              ? kQwen3
                        : config.unrotated_layers.empty() ? kLlama
                                                          : kSmolLm3;
  json document = {{"architectures", {family.architecture}},
                   {"model_type", family.model_type},
                   {"hidden_act", "silu"},
                   {"hidden_size", shape.hidden},
                   {"intermediate_size", layer.ffn},
                   {"num_hidden_layers", shape.layer_count()},
                   {"num_attention_heads", layer.heads},
                   {"num_key_value_heads", layer.kv_heads},
                   {"head_dim", layer.head_dim},
                   {"vocab_size", shape.vocabulary},
                   {"tie_word_embeddings", shape.tied_embeddings},
                   {"attention_bias", false},
                   {"mlp_bias", false},
                   {"max_position_embeddings", config.max_positions},
                   {"rms_norm_eps", config.norm_eps},
                   {"rope_theta", config.rope_theta},
                   {"rope_scaling", scaling},
                   {"torch_dtype", LongName(config.dtype)}};
  if (!config.unrotated_layers.empty()) {
    json flags = json::array();
    for (int i = 0; i < shape.layer_count(); ++i) flags.push_back(config.IsRotated(i) ? 1 : 0);
    document["no_rope_layers"] = flags;
  }
  document["bos_token_id"] = config.bos_token < 0 ? json(nullptr) : json(config.bos_token);
  document["eos_token_id"] = config.eos_tokens.empty() ? json(nullptr) : json(config.eos_tokens);
  return document.dump(2) + "\n";
}

bool ModelConfig::IsRotated(int layer) const {
  return !std::ranges::binary_search(unrotated_layers, layer);
}

void RequireTwoLayers(const ModelConfig& config) {
  if (config.shape.layer_count() > 1) return;
  throw InputError(
      "a model of one layer cannot be split between a device and a cloud; in one piece it runs "
      "('hat generate --system whole')");
}

ModelConfig ConfigOfShape(const ModelShape& shape, int max_positions) {
  ModelConfig config;
  config.shape = shape;
  config.max_positions = max_positions;
  return config;
}

std::vector<float> RotaryFrequencies(const ModelConfig& config, int head_dim) {
  const RopeScaling& scaling = config.rope_scaling;
  std::vector<float> frequencies(head_dim / 2);
  for (int i = 0; i < head_dim / 2; ++i) {
    double frequency = std::pow(config.rope_theta, -2.0 * i / head_dim);
    if (scaling.kind == RopeScaling::Kind::kLinear) frequency /= scaling.factor;
    if (scaling.kind == RopeScaling::Kind::kLlama3) {
      // Periods that the first training's context held; 0: to be divided by the factor, 1: as is.
      const double periods = scaling.original_positions * frequency / (2 * std::numbers::pi);
      const double blend = (periods - scaling.low_freq_factor) /
                           (scaling.high_freq_factor - scaling.low_freq_factor);
      const double keep = std::clamp(blend, 0.0, 1.0);
      frequency *= keep + (1 - keep) / scaling.factor;
    }
    frequencies[i] = static_cast<float>(frequency);
  }
  return frequencies;
}

}  // namespace hat
