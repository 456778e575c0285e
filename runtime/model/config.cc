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

void RefuseWhatIsNotComputed(const JsonNode& config) {
  if (config.Has("architectures")) {
    for (const JsonNode& name : config.At("architectures").Items()) {
      name.Choice({"LlamaForCausalLM", "MistralForCausalLM"});
    }
  }
  if (config.Has("sliding_window")) {  // none is narrower than the context
    config.At("sliding_window").Integer(Positions(config), 1 << 30);
  }
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
  const std::string path = folder + "/generation_config.json";
  std::error_code error;
  if (!std::filesystem::exists(path, error)) return;
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
  json document = {{"architectures", {"LlamaForCausalLM"}},
                   {"model_type", "llama"},
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
  document["bos_token_id"] = config.bos_token < 0 ? json(nullptr) : json(config.bos_token);
  document["eos_token_id"] = config.eos_tokens.empty() ? json(nullptr) : json(config.eos_tokens);
  return document.dump(2) + "\n";
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
