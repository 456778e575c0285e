#include "runtime/model/config.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <numbers>

#include <nlohmann/json.hpp>

#include "core/files.h"
#include "tests/core/expect_error.h"
#include "tests/core/temp_folder.h"

namespace hat {
namespace {

using nlohmann::json;
using testing::AllOf;
using testing::HasSubstr;

json Good() {
  return json::parse(R"({
    "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_act": "silu",
    "hidden_size": 64, "intermediate_size": 100, "num_hidden_layers": 3,
    "num_attention_heads": 8, "num_key_value_heads": 2, "vocab_size": 50,
    "max_position_embeddings": 128, "rms_norm_eps": 1e-6, "tie_word_embeddings": false,
    "torch_dtype": "float16", "bos_token_id": 1, "eos_token_id": 2, "use_cache": true})");
}

ModelConfig Read(const json& document) {
  const TempFolder folder;
  WriteFileAtomically(folder / "config.json", document.dump());
  return ReadModelConfig(folder.path());
}

ModelConfig ReadWith(const std::function<void(json&)>& edit) {
  json document = Good();
  edit(document);
  return Read(document);
}

TEST(ModelConfigTest, SizesAndNumbersAreRead) {
  const ModelConfig config = Read(Good());
  EXPECT_EQ(config.shape.hidden, 64);
  EXPECT_EQ(config.shape.every_layer().kv_heads, 2);
  EXPECT_EQ(config.shape.every_layer().head_dim, 8);
  EXPECT_EQ(config.max_positions, 128);
  EXPECT_EQ(config.norm_eps, 1e-6);
  EXPECT_EQ(config.rope_theta, 10000);  // Llama 1 and 2 do not say it
  EXPECT_EQ(config.dtype, Dtype::kFloat16);
  EXPECT_EQ(config.bos_token, 1);
  EXPECT_EQ(config.eos_tokens, (std::vector<int>{2}));
}

TEST(ModelConfigTest, BothSpellingsAreTheSameConfig) {
  const json scaling = {{"factor", 8.0},
                        {"low_freq_factor", 1.0},
                        {"high_freq_factor", 4.0},
                        {"original_max_position_embeddings", 64}};
  const ModelConfig old = ReadWith([&](json& config) {
    config["rope_theta"] = 500000.0;
    config["rope_scaling"] = scaling;
    config["rope_scaling"]["rope_type"] = "llama3";
  });
  const ModelConfig newer = ReadWith([&](json& config) {
    config["rope_parameters"] = scaling;
    config["rope_parameters"]["rope_type"] = "llama3";
    config["rope_parameters"]["rope_theta"] = 500000.0;
    config.erase("torch_dtype");
    config["dtype"] = "float16";
  });
  EXPECT_EQ(old.rope_scaling.kind, RopeScaling::Kind::kLlama3);
  ModelConfig renamed = newer;
  renamed.shape.name = old.shape.name;  // the folder's
  EXPECT_EQ(old, renamed);
  const ModelConfig oldest = ReadWith([&](json& config) {
    config["rope_scaling"] = {{"type", "linear"}, {"factor", 2.5}};
  });
  EXPECT_EQ(oldest.rope_scaling.kind, RopeScaling::Kind::kLinear);
  EXPECT_EQ(oldest.rope_scaling.factor, 2.5);
}

// As exporters write it that mean both versions of transformers.
TEST(ModelConfigTest, BothSpellingsAtOnceMayAgree) {
  const ModelConfig config = ReadWith([](json& document) {
    document["rope_theta"] = 20000.0;
    document["rope_parameters"] = {
        {"rope_type", "linear"}, {"factor", 2.5}, {"rope_theta", 20000.0}};
    document["rope_scaling"] = {{"type", "linear"}, {"factor", 2.5}};
    document["dtype"] = "float16";
  });
  EXPECT_EQ(config.rope_scaling.factor, 2.5);
  EXPECT_EQ(config.rope_theta, 20000);
}

TEST(ModelConfigTest, AMistralWhoseWindowHoldsTheContextIsALlama) {
  for (const json& window : {json(nullptr), json(128), json(4096)}) {
    const ModelConfig config = ReadWith([&](json& document) {
      document["model_type"] = "mistral";
      document["architectures"] = {"MistralForCausalLM"};
      document["sliding_window"] = window;
    });
    EXPECT_EQ(config.shape.hidden, 64);
  }
}

// As transformers: what it stops at when it generates.
TEST(ModelConfigTest, TheEndOfATextIsTheGenerationConfigs) {
  const TempFolder folder;
  WriteFileAtomically(folder / "config.json", Good().dump());
  const auto ends = [&](const char* generation) {
    WriteFileAtomically(folder / "generation_config.json", generation);
    return ReadModelConfig(folder.path()).eos_tokens;
  };
  EXPECT_EQ(ends(R"({"eos_token_id": [7, 9], "temperature": 0.6})"), (std::vector<int>{7, 9}));
  EXPECT_EQ(ends(R"({"eos_token_id": 9})"), std::vector<int>{9});
  EXPECT_EQ(ends(R"({"eos_token_id": null})"), std::vector<int>{2});
  EXPECT_INPUT_ERROR(ends(R"({"eos_token_id": 50})"), HasSubstr("generation_config.json"));
}

TEST(ModelConfigTest, WhatIsWrittenReadsBack) {
  ModelConfig config = Read(Good());
  config.rope_scaling.kind = RopeScaling::Kind::kLlama3;
  config.rope_scaling.factor = 3;
  for (LayerShape& layer : config.shape.layers) layer.head_dim = 24;
  config.eos_tokens = {2, 7};
  config.dtype = Dtype::kBfloat16;
  ModelConfig read = Read(json::parse(ConfigJson(config)));
  read.shape.name = config.shape.name;
  EXPECT_EQ(read, config);
}

TEST(ModelConfigTest, ANullSaysNothing) {
  const ModelConfig config = ReadWith([](json& document) {
    document["rope_scaling"] = nullptr;
    document["bos_token_id"] = nullptr;
    document["quantization_config"] = nullptr;
    for (const char* key : {"head_dim", "num_key_value_heads", "tie_word_embeddings",
                            "attention_bias", "mlp_bias", "hidden_act", "sliding_window"}) {
      document[key] = nullptr;
    }
  });
  EXPECT_EQ(config.shape.every_layer().kv_heads, 8);
  EXPECT_EQ(config.rope_scaling, RopeScaling());
  EXPECT_EQ(config.bos_token, -1);
}

struct BadConfig {
  const char* name;
  const char* patch;  // merged into the good one (RFC 7396: null removes)
  const char* message;
};
void PrintTo(const BadConfig& bad, std::ostream* out) { *out << bad.name; }

class BadConfigTest : public testing::TestWithParam<BadConfig> {};

TEST_P(BadConfigTest, IsRefusedByName) {
  json document = Good();
  document.merge_patch(json::parse(GetParam().patch));
  EXPECT_INPUT_ERROR(Read(document),
                     AllOf(HasSubstr("config.json"), HasSubstr(GetParam().message)));
}

INSTANTIATE_TEST_SUITE_P(
    Table, BadConfigTest,
    testing::Values(
        BadConfig{"Architecture", R"({"architectures": ["Qwen2ForCausalLM"]})", "Qwen2ForCausalLM"},
        BadConfig{"ModelType", R"({"model_type": "gpt2"})", "gpt2"},
        BadConfig{"Window",
                  R"({"model_type": "mistral", "architectures": null, "sliding_window": 127})",
                  "'sliding_window'"},
        BadConfig{"NoModelType", R"({"model_type": null})", "'model_type' is missing"},
        BadConfig{"Activation", R"({"hidden_act": "gelu"})", "gelu"},
        BadConfig{"AttentionBias", R"({"attention_bias": true})", "'attention_bias'"},
        BadConfig{"MlpBias", R"({"mlp_bias": true})", "'mlp_bias'"},
        BadConfig{"Quantised", R"({"quantization_config": {"bits": 4}})", "quantised"},
        BadConfig{"PartialRotary", R"({"partial_rotary_factor": 0.5})", "partial_rotary_factor"},
        BadConfig{"RopeType", R"({"rope_scaling": {"rope_type": "yarn", "factor": 2}})", "yarn"},
        BadConfig{"RopeKey", R"({"rope_scaling": {"rope_type": "linear", "factor": 2, "beta": 1}})",
                  "beta"},
        BadConfig{"RopeWithoutType", R"({"rope_scaling": {"factor": 2}})", "rope_type"},
        BadConfig{"RopeTypesDiffer",
                  R"({"rope_scaling": {"type": "linear", "rope_type": "llama3", "factor": 2}})",
                  "contradicts"},
        BadConfig{"BothRopes",
                  R"({"rope_scaling": {"type": "linear", "factor": 2}, "rope_parameters": {}})",
                  "'rope_scaling' contradicts 'rope_parameters'"},
        BadConfig{
            "ThetasOfBothDiffer",
            R"({"rope_scaling": {"rope_theta": 2e4}, "rope_parameters": {"rope_theta": 1e4}})",
            "contradicts"},
        BadConfig{"ThetasDiffer", R"({"rope_theta": 1e4, "rope_parameters": {"rope_theta": 5e5}})",
                  "contradicts"},
        BadConfig{"NoFactor", R"({"rope_scaling": {"rope_type": "linear"}})", "factor"},
        BadConfig{"FrequencyOrder",
                  R"({"rope_scaling": {"rope_type": "llama3", "factor": 2, "low_freq_factor": 4,
                      "high_freq_factor": 4, "original_max_position_embeddings": 64}})",
                  "must be above"},
        BadConfig{"DtypesDiffer", R"({"dtype": "float32"})", "contradicts"},
        BadConfig{"Dtype", R"({"torch_dtype": "int8"})", "int8"},
        BadConfig{"NoEps", R"({"rms_norm_eps": null})", "'rms_norm_eps' is missing"},
        BadConfig{"NoHidden", R"({"hidden_size": null})", "'hidden_size'"},
        BadConfig{"NoPositions", R"({"max_position_embeddings": null})", "max_position_embeddings"},
        BadConfig{"KvHeads", R"({"num_key_value_heads": 3})", "must divide"},
        BadConfig{"HeadsAndHidden", R"({"num_attention_heads": 6})", "multiple"},
        BadConfig{"OddHeadDim", R"({"head_dim": 7})", "even"},
        BadConfig{"EosOutside", R"({"eos_token_id": [2, 50]})", "eos_token_id[1]"},
        BadConfig{"NegativeLayers", R"({"num_hidden_layers": -1})", "num_hidden_layers"},
        BadConfig{"HugeVocabulary", R"({"vocab_size": 99999999999999999999})", "vocab_size"}),
    [](const auto& test) { return std::string(test.param.name); });

TEST(ModelConfigTest, AMissingOrBrokenFileIsNamed) {
  const TempFolder folder;
  EXPECT_INPUT_ERROR(ReadModelConfig(folder.path()), HasSubstr("config.json"));
  WriteFileAtomically(folder / "config.json", "[1, 2");
  EXPECT_INPUT_ERROR(ReadModelConfig(folder.path()), HasSubstr("not valid JSON"));
  WriteFileAtomically(folder / "config.json", "[1, 2]");
  EXPECT_INPUT_ERROR(ReadModelConfig(folder.path()), HasSubstr("object"));
}

TEST(RotaryFrequenciesTest, TheyMatchTheirFormulas) {
  ModelConfig config;
  config.rope_theta = 10000;
  EXPECT_FLOAT_EQ(RotaryFrequencies(config, 8)[3], 1e-3F);  // 10000^(-6/8)
  config.rope_scaling = {RopeScaling::Kind::kLinear, 4, 1, 4, 0};
  EXPECT_FLOAT_EQ(RotaryFrequencies(config, 8)[3], 2.5e-4F);
  config.rope_scaling = {RopeScaling::Kind::kLlama3, 8, 1, 4, 100};
  const std::vector<float> scaled = RotaryFrequencies(config, 8);  // 1, 0.1, 0.01, 0.001
  EXPECT_FLOAT_EQ(scaled[0], 1.0F);                                // 100 / 2 pi periods > 4
  EXPECT_FLOAT_EQ(scaled[2], 0.01F / 8);                           // 1 / 2 pi < 1
  const double keep = (10 / (2 * std::numbers::pi) - 1) / 3;       // 1.59 periods
  EXPECT_FLOAT_EQ(scaled[1], static_cast<float>(0.1 * (keep + (1 - keep) / 8)));
}

}  // namespace
}  // namespace hat
