#include "runtime/model/medusa.h"

#include <gtest/gtest.h>

#include "runtime/model/layer_math.h"
#include "tests/core/expect_error.h"
#include "tests/core/temp_folder.h"
#include "tests/runtime/model/tiny_model.h"

namespace hat {
namespace {

using testing::HasSubstr;

TEST(MedusaTest, HeadsAreAResidualSiluBlockOnTheNormedState) {
  const Model model = TinyModel(2);
  const int64_t hidden = model.config.shape.hidden;
  const OutputHead head(model, kExact);
  MedusaFile file = LoadMedusa("random:3", model);
  file.heads[1].bias = RandomTensor({hidden}, 1, 1, "bias");
  const MedusaHeads heads(model, file, head, kExact);
  const at::Tensor deep = RandomTensor({5, hidden}, 2, 1, "deep").to(at::kDouble);
  const at::Tensor logits = heads.Logits(deep);
  EXPECT_EQ(logits.sizes(), (std::vector<int64_t>{4, 5, model.config.shape.vocabulary}));
  const at::Tensor x = RmsNorm(deep, head.norm(), model.config.norm_eps);
  const at::Tensor inner =
      x.matmul(file.heads[1].weight.to(at::kDouble).t()) + file.heads[1].bias.to(at::kDouble);
  const at::Tensor expected =
      (x + inner / (1 + at::exp(-inner))).matmul(file.heads[1].output.to(at::kDouble).t());
  EXPECT_LT(Distance(logits[1], expected), kSame);
}

TEST(MedusaTest, AFileReadsBackAsItWas) {
  const TempFolder folder;
  const Model model = TinyModel(1);
  MedusaFile file = LoadMedusa("random:3", model);
  file.model_id = model.id;
  SaveMedusa(folder / "m.safetensors", file);
  const MedusaFile read = LoadMedusa(folder / "m.safetensors", model);
  ASSERT_EQ(read.heads.size(), 4);
  EXPECT_TRUE(at::equal(read.heads[3].output, file.heads[3].output));
  EXPECT_INPUT_ERROR(LoadMedusa(folder / "m.safetensors", TinyModel(2)),
                     HasSubstr("another model"));
}

TEST(MedusaTest, HeadsWithoutAnOutputLayerHaveTheModels) {
  const TempFolder folder;
  const Model model = TinyModel(1);
  const OutputHead head(model, kExact);
  MedusaFile file = LoadMedusa("random:3", model);
  file.model_id = model.id;
  for (MedusaHead& one : file.heads) one.output = at::Tensor();
  SaveMedusa(folder / "m.safetensors", file);
  EXPECT_EQ(ReadTensorFile(folder / "m.safetensors").tensors.size(), 8U);
  const MedusaFile read = LoadMedusa(folder / "m.safetensors", model);
  EXPECT_FALSE(read.heads[0].output.defined());
  const at::Tensor deep =
      RandomTensor({5, model.config.shape.hidden}, 2, 1, "deep").to(at::kDouble);
  const MedusaHeads shared(model, read, head, kExact);
  for (MedusaHead& one : file.heads) one.output = head.weight().values;
  const MedusaHeads written(model, file, head, kExact);
  EXPECT_TRUE(at::equal(shared.Logits(deep), written.Logits(deep)));
}

TEST(MedusaTest, AFileInHalvesIsHalfAsLarge) {
  const TempFolder folder;
  const Model model = TinyModel(1);
  MedusaFile file = LoadMedusa("random:3", model);
  file.model_id = model.id;
  SaveMedusa(folder / "m.safetensors", file, Dtype::kFloat16);
  const MedusaFile read = LoadMedusa(folder / "m.safetensors", model);
  EXPECT_TRUE(at::equal(read.heads[2].weight, file.heads[2].weight.to(at::kHalf).to(at::kFloat)));
}

TEST(MedusaTest, ABrokenFileIsRefused) {
  const TempFolder folder;
  const Model model = TinyModel(1);
  MedusaFile file = LoadMedusa("random:3", model);
  file.model_id = model.id;
  const std::string path = folder / "m.safetensors";
  SaveMedusa(path, file);
  const TensorFile good = ReadTensorFile(path);
  const auto expect = [&](const std::string& message, const auto& edit) {
    TensorFile bad = good;
    edit(bad);
    WriteTensorFile(path, bad);
    EXPECT_INPUT_ERROR(LoadMedusa(path, model), HasSubstr(message));
  };
  expect("'heads.3.bias' is missing", [](TensorFile& bad) { bad.tensors.erase("heads.3.bias"); });
  expect("unknown tensor 'heads.3", [](TensorFile& bad) { bad.metadata["heads"] = "3"; });
  expect("must be in 1..16", [](TensorFile& bad) { bad.metadata["heads"] = "0"; });
  expect("kind = hat-medusa", [](TensorFile& bad) { bad.metadata.erase("kind"); });
}

}  // namespace
}  // namespace hat
