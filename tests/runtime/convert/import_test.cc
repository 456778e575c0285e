#include "runtime/convert/import.h"

#include <gmock/gmock.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <limits>
#include <string>
#include <vector>

#include "core/files.h"
#include "runtime/convert/gguf_model.h"
#include "runtime/model/checkpoint.h"
#include "runtime/tokenizer/tokenizer.h"
#include "tests/core/expect_error.h"
#include "tests/core/temp_folder.h"

namespace hat {
namespace {

using testing::AllOf;
using testing::HasSubstr;

std::vector<std::byte> BytesOf(const Checkpoint& checkpoint, const std::string& name) {
  const Checkpoint::Located& located = checkpoint.Find(name);
  std::vector<std::byte> bytes(located.tensor->bytes.size());
  located.file->Copy(*located.tensor, bytes.data());
  return bytes;
}

bool Always(size_t, size_t) { return true; }

class GgufImportTest : public testing::TestWithParam<const char*> {};

// A checkpoint of transformers, written as llama.cpp's converter does, comes back to the bit.
TEST_P(GgufImportTest, GivesTheCheckpointThatItWasMadeOf) {
  const TempFolder folder;
  const std::string data = "tests/data/runtime/";
  const Checkpoint wanted(data + GetParam());
  const GgufModel gguf(data + "gguf/" + GetParam() + ".gguf");
  EXPECT_EQ(gguf.widest(), Dtype::kFloat32);
  WriteImport(gguf, gguf.widest(), folder / "made", false, "a.gguf", Always);
  const Checkpoint made(folder / "made");
  ModelConfig config = wanted.config();
  EXPECT_TRUE(made.config().shape.HasSameSizes(config.shape)) << Describe(made.config().shape);
  config.shape = made.config().shape;
  EXPECT_EQ(made.config(), config) << ConfigJson(made.config()) << ConfigJson(config);
  for (const auto& [name, shape] : TensorShapes(config)) {
    EXPECT_EQ(BytesOf(made, name), BytesOf(wanted, name)) << name;
  }
  const Tokenizer tokenizer(FindTokenizerFile(folder / "made"), config.shape.vocabulary);
  EXPECT_EQ(tokenizer.Decode(tokenizer.Encode("ab a")), "ab a");
  EXPECT_THAT(ReadFile(folder / "made/tokenizer_config.json"), HasSubstr("bos_token }}["));
}

INSTANTIATE_TEST_SUITE_P(Families, GgufImportTest,
                         testing::Values("mha", "llama31", "qwen2", "qwen3", "smollm3"),
                         [](const auto& test) { return std::string(test.param); });

TEST(ImportTest, LargeModelsAreWrittenInParts) {
  const TempFolder folder;
  const GgufModel gguf("tests/data/runtime/gguf/mha.gguf");
  WriteImport(gguf, Dtype::kFloat32, folder / "made", false, "a.gguf", Always, 40'000);
  EXPECT_FALSE(std::filesystem::exists(folder / "made/model.safetensors"));
  EXPECT_TRUE(std::filesystem::exists(folder / "made/model.safetensors.index.json"));
  const Checkpoint made(folder / "made"), wanted("tests/data/runtime/mha");
  for (const auto& [name, shape] : TensorShapes(wanted.config())) {
    EXPECT_EQ(BytesOf(made, name), BytesOf(wanted, name)) << name;
  }
}

// A model whose embedding holds what it is given.
class Given final : public ImportedModel {
 public:
  explicit Given(std::vector<float> values) : values_(std::move(values)) {
    config_ = ConfigOfShape(
        LikeLayers("", 2, 1, {1, 1, 2, 2}, static_cast<int>(values_.size() / 2), true), 16);
  }
  const ModelConfig& config() const override { return config_; }
  Dtype widest() const override { return Dtype::kFloat32; }
  void Read(const std::string& name, std::span<float> values) const override {
    std::ranges::fill(values, 1.0F);
    if (name == "model.embed_tokens.weight") std::ranges::copy(values_, values.begin());
  }
  std::map<std::string, std::string> OtherFiles() const override { return {}; }

 private:
  std::vector<float> values_;
  ModelConfig config_;
};

// The embedding's numbers, 16 bits each, of `values` in that type.
std::vector<uint16_t> Narrowed(const std::vector<float>& values, Dtype dtype) {
  const TempFolder folder;
  WriteImport(Given(values), dtype, folder / "made", false, "given", Always);
  const Checkpoint made(folder / "made");
  const std::vector<std::byte> bytes = BytesOf(made, "model.embed_tokens.weight");
  std::vector<uint16_t> words(bytes.size() / 2);
  std::memcpy(words.data(), bytes.data(), bytes.size());
  return words;
}

// What a half is, by the definition of the format.
float ValueOfHalf(int bits) {
  const int exponent = bits >> 10 & 31;
  const float fraction = static_cast<float>(bits & 1023) / 1024;
  const float size =
      exponent == 0 ? std::ldexp(fraction, -14) : std::ldexp(1 + fraction, exponent - 15);
  return bits >> 15 ? -size : size;
}

TEST(ImportTest, EveryHalfStaysWhatItIsAndBetweenTwoTheEvenOneIsTaken) {
  std::vector<float> values;
  std::vector<uint16_t> wanted;
  for (int bits = 0; bits < 0x7C00; ++bits) {
    values.push_back(-ValueOfHalf(bits));
    wanted.push_back(static_cast<uint16_t>(0x8000 | bits));
    if (bits + 1 == 0x7C00) continue;
    values.push_back((ValueOfHalf(bits) + ValueOfHalf(bits + 1)) / 2);
    wanted.push_back(static_cast<uint16_t>(bits + bits % 2));
  }
  values.push_back(1);
  wanted.push_back(0x3C00);
  ASSERT_EQ(values.size() % 2, 0U);
  EXPECT_EQ(Narrowed(values, Dtype::kFloat16), wanted);
}

TEST(ImportTest, Bfloat16IsTheNearest) {
  EXPECT_EQ(Narrowed({1.0F, -2.0F, 1.00390625F, 1.01171875F}, Dtype::kBfloat16),
            (std::vector<uint16_t>{0x3F80, 0xC000, 0x3F80, 0x3F82}));
}

TEST(ImportTest, WhatTheTypeDoesNotHoldIsRefusedAndLeavesNothing) {
  const TempFolder folder;
  const auto import = [&](float value, Dtype dtype) {
    WriteImport(Given({value, 0}), dtype, folder / "made", false, "given", Always);
  };
  EXPECT_INPUT_ERROR(import(70000, Dtype::kFloat16),
                     AllOf(HasSubstr("embed_tokens"), HasSubstr("70000"), HasSubstr("fp32")));
  EXPECT_INPUT_ERROR(import(NAN, Dtype::kFloat32), HasSubstr("NaN"));
  EXPECT_INPUT_ERROR(import(std::numeric_limits<float>::max(), Dtype::kBfloat16),
                     HasSubstr("bf16"));
  EXPECT_THROW(WriteImport(Given({0, 0}), Dtype::kFloat32, folder / "made", false, "given",
                           [](size_t, size_t) { return false; }),
               RunError);
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

TEST(ImportTest, OnlyAnEarlierImportIsReplaced) {
  const TempFolder folder;
  WriteFileAtomically(folder / "config.json", "mine");
  EXPECT_INPUT_ERROR(
      WriteImport(Given({0, 0}), Dtype::kFloat32, folder.path(), true, "given", Always),
      HasSubstr("manifest.json"));
  EXPECT_EQ(ReadFile(folder / "config.json"), "mine");
  WriteImport(Given({0, 0}), Dtype::kFloat32, folder / "made", false, "given", Always);
  WriteImport(Given({1, 1}), Dtype::kFloat32, folder / "made", true, "given", Always);
  EXPECT_EQ(Checkpoint(folder / "made").config().shape.vocabulary, 1);
}

}  // namespace
}  // namespace hat
