#include "profiles/model_shape.h"

#include <fstream>

#include "tests/core/expect_error.h"
#include "tests/core/temp_folder.h"

namespace hat {
namespace {

using testing::AllOf;
using testing::HasSubstr;

// Writes FOLDER/tiny/config.json.
std::string WriteConfig(const TempFolder& folder, const std::string& text) {
  std::filesystem::create_directory(folder / "tiny");
  const std::string path = folder / "tiny/config.json";
  std::ofstream(path) << text;
  return path;
}

std::string ConfigWith(const std::string& more) {
  return R"({"model_type": "llama", "hidden_size": 64, "num_hidden_layers": 4,
             "num_attention_heads": 8, "intermediate_size": 96, "vocab_size": 100)" +
         more + "}";
}

TEST(ModelShapeTest, LayersOfVicunaAndLlama3HaveTheirPublishedWeights) {
  EXPECT_EQ(FindModelShape("vicuna-7b").LayerWeights(), 202'383'360);
  EXPECT_EQ(FindModelShape("llama-3-8b").LayerWeights(), 218'112'000);
}

TEST(ModelShapeTest, WholeModelsHaveTheirPublishedWeights) {
  EXPECT_EQ(FindModelShape("vicuna-7b").TotalWeights(), 6'738'415'616);
  EXPECT_EQ(FindModelShape("vicuna-13b").TotalWeights(), 13'015'864'320);
  EXPECT_EQ(FindModelShape("llama-3-8b").TotalWeights(), 8'030'261'248);
  EXPECT_EQ(FindModelShape("llama-2-70b").TotalWeights(), 68'976'648'192);
  EXPECT_EQ(FindModelShape("tinyllama-1.1b").TotalWeights(), 1'100'048'384);
  EXPECT_EQ(FindModelShape("smollm2-360m").TotalWeights(), 361'821'120);
}

TEST(ModelShapeTest, AdapterAndMedusaHeadsMatchThePapersParameterCounts) {
  EXPECT_EQ(FindModelShape("vicuna-7b").AdapterWeights(), 67'108'864);
  EXPECT_EQ(FindModelShape("vicuna-13b").AdapterWeights(), 104'857'600);
  EXPECT_EQ(4 * FindModelShape("vicuna-7b").MedusaHeadWeights(), 591'413'248);
  EXPECT_EQ(4 * FindModelShape("vicuna-13b").MedusaHeadWeights(), 760'238'080);
}

TEST(ModelShapeTest, KvCacheOfVicunaTakesSixteenKibibytesALayerAndToken) {
  EXPECT_EQ(FindModelShape("vicuna-7b").KvBytesPerToken(1, 2), Bytes(16384));
  EXPECT_EQ(FindModelShape("llama-3-8b").KvBytesPerToken(2, 2), Bytes(8192));
}

TEST(ModelShapeTest, UnknownNameListsTheKnownOnes) {
  EXPECT_INPUT_ERROR(
      FindModelShape("vicuna-8b"),
      AllOf(HasSubstr("vicuna-8b"), HasSubstr("vicuna-13b"), HasSubstr("tinyllama-1.1b")));
}

TEST(ModelShapeTest, ConfigIsNamedAfterItsFolder) {
  const TempFolder folder;
  const ModelShape shape = FindModelShape(WriteConfig(
      folder,
      ConfigWith(R"(, "num_key_value_heads": 2, "tie_word_embeddings": true, "rope_theta": 1e4)")));
  EXPECT_EQ(shape, (ModelShape{"tiny", 64, 4, 8, 2, 8, 96, 100, true}));
}

TEST(ModelShapeTest, ConfigWithoutKvHeadsHasAsManyAsHeads) {
  const TempFolder folder;
  EXPECT_EQ(FindModelShape(WriteConfig(folder, ConfigWith(R"(, "head_dim": 16)"))),
            (ModelShape{"tiny", 64, 4, 8, 8, 16, 96, 100, false}));
}

TEST(ModelShapeTest, BadConfigsNameFileAndKey) {
  const struct {
    std::string text;
    std::string key;
  } cases[] = {
      {"{", "not valid JSON"},
      {"[]", "object"},
      {R"({"model_type": "gpt2"})", "'model_type' must be one of llama, mistral"},
      {R"({"model_type": "llama"})", "'hidden_size' is missing"},
      {ConfigWith(R"(, "num_key_value_heads": 3)"), "'num_key_value_heads' must divide"},
      {ConfigWith(R"(, "num_key_value_heads": 0)"),
       "'num_key_value_heads' must be an integer in 1.."},
      {ConfigWith(R"(, "head_dim": 8.5)"), "'head_dim' must be an integer"},
      {ConfigWith(R"(, "hidden_act": "gelu")"), "'hidden_act' must be one of silu"},
      {ConfigWith(R"(, "attention_bias": true)"), "'attention_bias' must be false"},
      {ConfigWith(R"(, "tie_word_embeddings": 1)"), "'tie_word_embeddings' must be true or false"},
      {ConfigWith(R"(, "vocab_size": 101)"), "'vocab_size' stands twice"},
  };
  for (const auto& [text, key] : cases) {
    const TempFolder folder;
    const std::string path = WriteConfig(folder, text);
    EXPECT_INPUT_ERROR(FindModelShape(path), AllOf(HasSubstr(path), HasSubstr(key)));
  }
}

TEST(ModelShapeTest, MissingConfigIsNamed) {
  EXPECT_INPUT_ERROR(FindModelShape("/nowhere/config.json"), HasSubstr("/nowhere/config.json"));
}

TEST(ModelShapeTest, SizesCompareWithoutTheName) {
  ModelShape shape = FindModelShape("vicuna-7b");
  shape.name = "llama-2-7b";
  EXPECT_TRUE(shape.HasSameSizes(FindModelShape("vicuna-7b")));
  shape.ffn = 11009;
  EXPECT_FALSE(shape.HasSameSizes(FindModelShape("vicuna-7b")));
}

}  // namespace
}  // namespace hat
