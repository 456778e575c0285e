#include "runtime/model/adapter.h"

#include <gtest/gtest.h>

#include "tests/core/expect_error.h"
#include "tests/core/temp_folder.h"
#include "tests/runtime/model/tiny_model.h"

namespace hat {
namespace {

using testing::AllOf;
using testing::HasSubstr;

AdapterFile Trained(const Model& model, int split) {
  AdapterFile file = LoadAdapter("random:7", model, split);
  file.model_id = model.id;
  file.draft_temperature = 0.7;
  return file;
}

TEST(AdapterTest, ItIsOneAttentionBlockWithACache) {
  for (const uint64_t seed : {1, 2, 3, 4}) {
    const Model model = TinyModel(seed);
    const AttentionShape shape = AdapterShape(model.config);
    AdapterFile file = LoadAdapter("random:5", model, 2);
    const Adapter adapter(model, file, kExact);
    const at::Tensor x = RandomTensor({19, model.config.shape.hidden}, 2, 1, "x").to(at::kDouble);
    KvCache cache = adapter.MakeCache();
    const SequencePart first{&cache, 12, {}};
    const SequencePart rest{&cache, 7, {}};
    const at::Tensor states = at::cat({adapter.Forward(Rows(x, 0, 12), {&first, 1}),
                                       adapter.Forward(Rows(x, 12, 7), {&rest, 1})});
    AttentionWeights& weights = file.weights.attention;
    for (at::Tensor AttentionWeights::*weight :
         {&AttentionWeights::norm, &AttentionWeights::q, &AttentionWeights::k, &AttentionWeights::v,
          &AttentionWeights::o}) {
      weights.*weight = (weights.*weight).to(at::kDouble);
    }
    const RotaryTable rotary = MakeRotaryTable(model.config, shape.head_dim, 19, kExact);
    const at::Tensor block = AttentionBlock(x.unsqueeze(0), weights, shape, rotary)[0];
    EXPECT_LT(Distance(states, block), kSame);
  }
}

// With its MLP it is a decoder layer.
TEST(AdapterTest, AnMlpFollowsItsAttentionAndIsKeptInTheFile) {
  const TempFolder folder;
  const Model model = TinyModel(2);
  AdapterFile file = Trained(model, 2);
  const int hidden = model.config.shape.hidden, width = 20;
  const auto random = [](std::vector<int64_t> shape, const char* name) {
    return RandomTensor(shape, 0.3, 5, name);
  };
  file.weights.mlp_norm = random({hidden}, "norm") + 1;
  file.weights.gate = random({width, hidden}, "gate");
  file.weights.up = random({width, hidden}, "up");
  file.weights.down = random({hidden, width}, "down");
  SaveAdapter(folder / "a.safetensors", file);
  const LayerWeights read = LoadAdapter(folder / "a.safetensors", model, 2).weights;
  EXPECT_TRUE(at::equal(read.down, file.weights.down));

  const at::Tensor x = RandomTensor({9, hidden}, 2, 1, "x");
  const Compute compute{Dtype::kFloat32, "cpu"};
  const Adapter adapter(model, file, compute);
  KvCache cache = adapter.MakeCache();
  const SequencePart part{&cache, 9, {}};
  const AttentionShape shape = AdapterShape(model.config);
  const RotaryTable rotary = MakeRotaryTable(model.config, shape.head_dim, 9, compute);
  const at::Tensor layer = LayerForward(x.unsqueeze(0), file.weights, shape, rotary)[0];
  EXPECT_LT(Distance(adapter.Forward(x, {&part, 1}), layer), 1e-5);
}

TEST(AdapterTest, ItHasFourSquareMatrices) {
  const Model model = TinyModel(3);
  const AdapterFile file = LoadAdapter("random:1", model, 1);
  const int64_t hidden = model.config.shape.hidden;
  const AttentionWeights& weights = file.weights.attention;
  for (const at::Tensor& matrix : {weights.q, weights.k, weights.v, weights.o}) {
    EXPECT_EQ(matrix.sizes(), (std::vector<int64_t>{hidden, hidden}));
  }
}

TEST(AdapterTest, AFileReadsBackAsItWas) {
  const TempFolder folder;
  const Model model = TinyModel(1);
  const AdapterFile written = Trained(model, 2);
  SaveAdapter(folder / "a.safetensors", written);
  const AdapterFile read = LoadAdapter(folder / "a.safetensors", model, 2);
  EXPECT_TRUE(at::equal(read.weights.attention.o, written.weights.attention.o));
  EXPECT_TRUE(at::equal(read.weights.attention.norm, written.weights.attention.norm));
  EXPECT_EQ(read.draft_temperature, 0.7);
}

TEST(AdapterTest, TheSameSeedIsTheSameAdapter) {
  const Model model = TinyModel(1);
  const auto q = [&](const char* which) {
    return LoadAdapter(which, model, 1).weights.attention.q;
  };
  EXPECT_TRUE(at::equal(q("random:1"), q("random:1")));
  EXPECT_FALSE(at::equal(q("random:1"), q("random:2")));
}

TEST(AdapterTest, WhatDoesNotFitIsRefused) {
  const TempFolder folder;
  const Model model = TinyModel(1);
  const std::string path = folder / "a.safetensors";
  SaveAdapter(path, Trained(model, 2));
  EXPECT_INPUT_ERROR(LoadAdapter(path, model, 1), AllOf(HasSubstr(path), HasSubstr("split of 2")));
  EXPECT_INPUT_ERROR(LoadAdapter(path, TinyModel(2), 2), HasSubstr("another model"));
  EXPECT_INPUT_ERROR(LoadAdapter("random:x", model, 2), HasSubstr("seed"));
  EXPECT_INPUT_ERROR(LoadAdapter("random:-1", model, 2), HasSubstr("seed"));
  EXPECT_INPUT_ERROR(LoadAdapter(folder / "none", model, 2), HasSubstr("cannot read"));
}

TEST(AdapterTest, ABrokenFileIsRefused) {
  const TempFolder folder;
  const Model model = TinyModel(1);
  const std::string path = folder / "a.safetensors";
  SaveAdapter(path, Trained(model, 2));
  const TensorFile good = ReadTensorFile(path);
  const auto expect = [&](const std::string& message, const auto& edit) {
    TensorFile bad = good;
    edit(bad);
    WriteTensorFile(path, bad);
    EXPECT_INPUT_ERROR(LoadAdapter(path, model, 2), HasSubstr(message));
  };
  expect("'q' is missing", [](TensorFile& file) { file.tensors.erase("q"); });
  expect("unknown tensor 'r'", [](TensorFile& file) { file.tensors["r"] = file.tensors["q"]; });
  expect("'mlp_norm' is missing",
         [](TensorFile& file) { file.tensors["gate"] = file.tensors["q"]; });
  expect("unknown tensor 'gate'", [](TensorFile& file) {
    file.tensors["gate"] = at::zeros({0, 2});
  });
  expect("has the shape", [](TensorFile& file) { file.tensors["q"] = at::zeros({2, 2}); });
  expect("NaN", [](TensorFile& file) { file.tensors["k"] = file.tensors["k"] / 0; });
  expect("kind = hat-adapter", [](TensorFile& file) { file.metadata["kind"] = "hat-medusa"; });
  expect("'split' must be", [](TensorFile& file) { file.metadata["split"] = "2.5"; });
  expect("no 'model'", [](TensorFile& file) { file.metadata.erase("model"); });
  expect("must be a number > 0",
         [](TensorFile& file) { file.metadata["draft_temperature"] = "0"; });
}

}  // namespace
}  // namespace hat
