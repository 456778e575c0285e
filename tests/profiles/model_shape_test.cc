#include "profiles/model_shape.h"

#include <fstream>

#include "tests/core/expect_error.h"
#include "tests/core/temp_folder.h"

namespace hat {
namespace {

using testing::AllOf;
using testing::ElementsAre;
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
  EXPECT_EQ(FindModelShape("vicuna-7b").LayerWeights(0, 1), 202'383'360);
  EXPECT_EQ(FindModelShape("llama-3-8b").LayerWeights(31, 32), 218'112'000);
}

TEST(ModelShapeTest, WholeModelsHaveTheirPublishedWeights) {
  EXPECT_EQ(FindModelShape("vicuna-7b").TotalWeights(), 6'738'415'616);
  EXPECT_EQ(FindModelShape("vicuna-13b").TotalWeights(), 13'015'864'320);
  EXPECT_EQ(FindModelShape("llama-3-8b").TotalWeights(), 8'030'261'248);
  EXPECT_EQ(FindModelShape("llama-2-70b").TotalWeights(), 68'976'648'192);
  EXPECT_EQ(FindModelShape("tinyllama-1.1b").TotalWeights(), 1'100'048'384);
  EXPECT_EQ(FindModelShape("smollm2-135m").TotalWeights(), 134'515'008);
  EXPECT_EQ(FindModelShape("smollm2-360m").TotalWeights(), 361'821'120);
}

TEST(ModelShapeTest, AdapterAndMedusaHeadsMatchThePapersParameterCounts) {
  EXPECT_EQ(FindModelShape("vicuna-7b").AdapterWeights(), 67'108'864);
  EXPECT_EQ(FindModelShape("vicuna-13b").AdapterWeights(), 104'857'600);
  EXPECT_EQ(4 * FindModelShape("vicuna-7b").MedusaHeadWeights(), 591'413'248);
  EXPECT_EQ(4 * FindModelShape("vicuna-13b").MedusaHeadWeights(), 760'238'080);
}

TEST(ModelShapeTest, KvCacheOfVicunaTakesSixteenKibibytesALayerAndToken) {
  EXPECT_EQ(FindModelShape("vicuna-7b").KvBytesPerToken(0, 1, 2), Bytes(16384));
  EXPECT_EQ(FindModelShape("llama-3-8b").KvBytesPerToken(3, 5, 2), Bytes(8192));
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
  EXPECT_EQ(shape, LikeLayers("tiny", 64, 4, {8, 2, 8, 96}, 100, true));
}

TEST(ModelShapeTest, ConfigWithoutKvHeadsHasAsManyAsHeads) {
  const TempFolder folder;
  EXPECT_EQ(FindModelShape(WriteConfig(folder, ConfigWith(R"(, "head_dim": 16)"))),
            LikeLayers("tiny", 64, 4, {8, 8, 16, 96}, 100, false));
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
  shape.layers[31].ffn = 11009;
  EXPECT_FALSE(shape.HasSameSizes(FindModelShape("vicuna-7b")));
}

// Two layers, two narrower ones as pruning leaves them, and one more of the first kind.
ModelShape Pruned() {
  const LayerShape wide = {8, 2, 8, 96};
  const LayerShape narrow = {4, 1, 8, 48};
  return {"pruned", 64, {wide, wide, narrow, narrow, wide}, 100, false};
}

TEST(PrunedModelTest, ItsLayersAreOfAsManyClassesAsThereAreShapes) {
  const ModelShape shape = Pruned();
  EXPECT_FALSE(shape.has_like_layers());
  EXPECT_TRUE(FindModelShape("vicuna-7b").has_like_layers());
  EXPECT_THAT(shape.LayerClasses(), ElementsAre(shape.layers[0], shape.layers[2]));
  EXPECT_THAT(shape.LayersOfClasses(0, 5), ElementsAre(3, 2));
  EXPECT_THAT(shape.LayersOfClasses(1, 3), ElementsAre(1, 1));
  EXPECT_THAT(shape.LayersOfClasses(2, 4), ElementsAre(0, 2));
}

TEST(PrunedModelTest, WeightsAndCacheAreTheSumOfItsLayers) {
  const ModelShape shape = Pruned();
  const double wide = 2 * 64 * 64 + 2 * 64 * 16 + 3 * 64 * 96 + 2 * 64;
  const double narrow = 2 * 64 * 32 + 2 * 64 * 8 + 3 * 64 * 48 + 2 * 64;
  EXPECT_EQ(shape.LayerWeights(1, 4), wide + 2 * narrow);
  EXPECT_EQ(shape.TotalWeights(), 3 * wide + 2 * narrow + 2 * 6400 + 64);
  EXPECT_EQ(shape.KvBytesPerToken(1, 4, 2), Bytes(64 + 2 * 32));
  EXPECT_EQ(Describe(shape),
            "hidden 64, 2 layers, 8 heads (2 KV) of 8, FFN 96, 2 layers, 4 heads (1 KV) of 8, FFN "
            "48, 1 layers, 8 heads (2 KV) of 8, FFN 96, vocabulary 100");
}

TEST(PrunedModelTest, AFileSaysItsLayersInRuns) {
  const TempFolder folder;
  const std::string text =
      R"({"name": "pruned", "hidden": 64, "layers": [
           {"count": 2, "heads": 8, "kv_heads": 2, "head_dim": 8, "ffn": 96},
           {"count": 2, "heads": 4, "kv_heads": 1, "head_dim": 8, "ffn": 48},
           {"count": 1, "heads": 8, "kv_heads": 2, "head_dim": 8, "ffn": 96}],
          "vocabulary": 100, "tied_embeddings": false})";
  EXPECT_EQ(FindModelShape(WriteConfig(folder, text)), Pruned());
  const auto refused = [&](const std::string& from, const std::string& to, const char* problem) {
    std::string bad = text;
    bad.replace(bad.find(from), from.size(), to);
    EXPECT_INPUT_ERROR(FindModelShape(WriteConfig(folder, bad)), HasSubstr(problem));
  };
  refused("\"count\": 1", "\"count\": 0", "'layers[2].count' must be an integer in 1..10000");
  refused("\"ffn\": 48", "\"width\": 48", "unknown key 'layers[1].width'");
  refused("\"hidden\": 64", "\"hidden\": 64, \"ffn\": 96", "'ffn' stands in each run");
}

}  // namespace
}  // namespace hat
