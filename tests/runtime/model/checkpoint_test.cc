#include "runtime/model/checkpoint.h"

#include <gtest/gtest.h>

#include <filesystem>

#include <nlohmann/json.hpp>

#include "core/files.h"
#include "tests/core/expect_error.h"
#include "tests/core/temp_folder.h"

namespace hat {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using testing::AllOf;
using testing::HasSubstr;

const std::string kSharded = "tests/data/runtime/sharded_bf16";
const std::string kWhole = "tests/data/runtime/linear";
const std::string kTied = "tests/data/runtime/gqa_llama3_tied";

// A copy that a test may break.
class BrokenCheckpoint {
 public:
  explicit BrokenCheckpoint(const std::string& from) {
    for (const auto& entry : fs::directory_iterator(from)) {
      if (entry.path().filename() == "reference.safetensors") continue;
      fs::copy(entry.path(), folder_.path());
    }
  }
  std::string operator/(const std::string& name) const { return folder_ / name; }
  const std::string& path() const { return folder_.path(); }

  template <typename Edit>
  void EditJson(const std::string& name, const Edit& edit) const {
    json document = json::parse(ReadFile(folder_ / name));
    edit(document);
    WriteFileAtomically(folder_ / name, document.dump());
  }

  // Rewrites a file of tensors; `edit` gets the map of them.
  template <typename Edit>
  void EditTensors(const std::string& name, const Edit& edit) const {
    const std::string path = folder_ / name;
    {
      const SafetensorsFile file(path);
      std::map<std::string, StoredTensor> tensors = file.tensors();
      edit(tensors);
      WriteSafetensors(path + ".new", tensors, file.metadata());
    }
    fs::rename(path + ".new", path);
  }

 private:
  TempFolder folder_;
};

void ExpectRefused(const BrokenCheckpoint& broken, const std::string& message) {
  EXPECT_INPUT_ERROR(Checkpoint(broken.path()),
                     AllOf(HasSubstr(broken.path()), HasSubstr(message)));
}

TEST(CheckpointTest, ShardsTogetherHaveAllTensors) {
  const Checkpoint checkpoint(kSharded);
  for (const auto& [name, shape] : TensorShapes(checkpoint.config())) {
    EXPECT_EQ(checkpoint.Find(name).tensor->shape, shape) << name;
  }
}

TEST(CheckpointTest, AMissingTensorIsNamed) {
  const BrokenCheckpoint broken(kWhole);
  broken.EditTensors("model.safetensors",
                     [](auto& t) { t.erase("model.layers.1.mlp.up_proj.weight"); });
  ExpectRefused(broken, "'model.layers.1.mlp.up_proj.weight' is missing");
}

TEST(CheckpointTest, ABiasIsRefusedNotIgnored) {
  const BrokenCheckpoint broken(kWhole);
  broken.EditTensors("model.safetensors", [](auto& t) {
    t["model.layers.0.self_attn.q_proj.bias"] = t["model.norm.weight"];
  });
  ExpectRefused(broken, "q_proj.bias");
}

TEST(CheckpointTest, OldFrequencyTablesAreIgnored) {
  const BrokenCheckpoint broken(kWhole);
  broken.EditTensors("model.safetensors", [](auto& t) {
    t["model.layers.0.self_attn.rotary_emb.inv_freq"] = t["model.norm.weight"];
  });
  EXPECT_EQ(Checkpoint(broken.path()).Fingerprint(), Checkpoint(kWhole).Fingerprint());
}

TEST(CheckpointTest, TiedEmbeddingsNeedNoHead) {
  const BrokenCheckpoint broken(kTied);
  broken.EditTensors("model.safetensors",
                     [](auto& t) { t["lm_head.weight"] = t["model.embed_tokens.weight"]; });
  EXPECT_FALSE(TensorShapes(Checkpoint(broken.path()).config()).contains("lm_head.weight"));
  broken.EditJson("config.json", [](json& config) { config["tie_word_embeddings"] = false; });
  EXPECT_NO_THROW(Checkpoint(broken.path()));
}

TEST(CheckpointTest, AWrongShapeIsNamedWithBoth) {
  const BrokenCheckpoint broken(kWhole);
  broken.EditJson("config.json", [](json& config) { config["intermediate_size"] = 60; });
  ExpectRefused(broken, "has the shape [32, 56], config.json makes it [32, 60]");
}

TEST(CheckpointTest, IntegerWeightsAreRefused) {
  const BrokenCheckpoint broken(kWhole);
  const std::vector<int64_t> numbers(32);
  broken.EditTensors("model.safetensors", [&](auto& t) {
    t["model.norm.weight"] = {StoredType::kInt64, {32}, std::as_bytes(std::span(numbers))};
  });
  ExpectRefused(broken, "got I64");
}

TEST(CheckpointTest, AnIndexThatContradictsItsShardsIsRefused) {
  const std::string index = "model.safetensors.index.json";
  const auto expect = [&](const std::string& message, const auto& edit) {
    const BrokenCheckpoint broken(kSharded);
    broken.EditJson(index, [&](json& document) { edit(document["weight_map"]); });
    ExpectRefused(broken, message);
  };
  expect("does not list 'model.norm.weight'", [](json& map) { map.erase("model.norm.weight"); });
  expect("is not in", [](json& map) { map["more"] = map["model.norm.weight"]; });
  expect("cannot read", [](json& map) { map["model.norm.weight"] = "other.safetensors"; });
  expect("same folder", [](json& map) { map["model.norm.weight"] = "../other.safetensors"; });
  expect("must be a string", [](json& map) { map["model.norm.weight"] = 3; });
}

TEST(CheckpointTest, AMissingShardOrNoWeightsAtAllIsNamed) {
  const BrokenCheckpoint shards(kSharded);
  fs::remove(shards / "model-00002-of-00003.safetensors");
  ExpectRefused(shards, "model-00002-of-00003.safetensors");
  const BrokenCheckpoint whole(kWhole);
  fs::remove(whole / "model.safetensors");
  ExpectRefused(whole, "has neither");
  WriteFileAtomically(whole / "pytorch_model.bin", "old");
  ExpectRefused(whole, "but pytorch_model.bin: 'hat model import' makes");
}

TEST(CheckpointTest, WeightsOfTwoSavesAreRefused) {
  const BrokenCheckpoint broken(kSharded);
  WriteFileAtomically(broken / "model.safetensors", "older");
  ExpectRefused(broken, "has both model.safetensors and model.safetensors.index.json");
}

TEST(CheckpointTest, ATruncatedFileIsRefused) {
  const BrokenCheckpoint broken(kWhole);
  const auto size = fs::file_size(broken / "model.safetensors");
  fs::resize_file(broken / "model.safetensors", size - 1);
  ExpectRefused(broken, "model.safetensors");
  fs::resize_file(broken / "model.safetensors", 100);
  ExpectRefused(broken, "cut off");
}

}  // namespace
}  // namespace hat
