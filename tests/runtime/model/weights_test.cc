#include "runtime/model/weights.h"

#include <gtest/gtest.h>

#include <limits>

#include "core/files.h"
#include "runtime/model/checkpoint.h"
#include "tests/core/expect_error.h"
#include "tests/core/temp_folder.h"
#include "tests/runtime/model/tiny_model.h"

namespace hat {
namespace {

using testing::AllOf;
using testing::HasSubstr;

std::map<std::string, at::Tensor> AllTensors(const Model& model) {
  std::map<std::string, at::Tensor> tensors;
  for (const auto& [name, shape] : TensorShapes(model.config)) {
    tensors[name] = model.weights->Load(name, shape, {});
  }
  return tensors;
}

at::Tensor LogitsOf(const Model& model) {
  const InputModel whole(model, model.config.shape.layer_count(), {});
  return OutputHead(model, {}, &whole)
      .Logits(RunAlone(whole, RandomIds(1, 20, model.config.shape.vocabulary)));
}

TEST(WeightsTest, RandomWeightsAreThoseOfTheSeed) {
  const at::Tensor one = RandomTensor({100, 90}, 2, 1, "a");
  EXPECT_TRUE(at::equal(one, RandomTensor({100, 90}, 2, 1, "a")));
  EXPECT_FALSE(at::equal(one, RandomTensor({100, 90}, 2, 2, "a")));
  EXPECT_FALSE(at::equal(one, RandomTensor({100, 90}, 2, 1, "b")));
  EXPECT_NEAR(one.square().mean().item<double>(), 4.0 / 3, 0.05);
  EXPECT_LE(one.abs().max().item<double>(), 2);
}

TEST(WeightsTest, AWrittenModelIsReadBackAsTheSame) {
  const TempFolder folder;
  const Model model = TinyModel(4);
  WriteModel(folder / "model", model, Dtype::kFloat32);
  const Model read = OpenModel(folder / "model");
  EXPECT_EQ(read.config.shape.layer_count(), model.config.shape.layer_count());
  EXPECT_TRUE(at::equal(LogitsOf(read), LogitsOf(model)));
}

TEST(WeightsTest, AModelInMemoryIsTheSameToo) {
  const Model model = TinyModel(4);
  EXPECT_TRUE(at::equal(LogitsOf(ModelInMemory(model.config, AllTensors(model))), LogitsOf(model)));
}

TEST(WeightsTest, AModelHoldsItsOwnTensorsOnly) {
  const Model model = TinyModel(4);
  auto tensors = AllTensors(model);
  std::erase_if(tensors,
                [](const auto& item) { return item.first.find("layers.1.") == std::string::npos; });
  const Model part = ModelInMemory(model.config, tensors);
  const MiddleModel one(part, 1, 2, {});
  EXPECT_INPUT_ERROR(MiddleModel(part, 0, 2, {}), HasSubstr("layers.0."));
  EXPECT_INPUT_ERROR(InputModel(part, 0, {}), HasSubstr("embed_tokens"));
}

TEST(WeightsTest, FingerprintsTellTrainingsApart) {
  const TempFolder folder;
  const auto id = [&](const Model& model, Dtype dtype) {
    WriteModel(folder / "model", model, dtype);
    return OpenModel(folder / "model").id;
  };
  const Model model = TinyModel(4);
  const std::string first = id(model, Dtype::kFloat32);
  EXPECT_EQ(first.size(), 64);
  EXPECT_EQ(first, id(model, Dtype::kFloat32));
  EXPECT_NE(first, id(model, Dtype::kFloat16));
  EXPECT_NE(first, id(RandomModel(model.config, 5), Dtype::kFloat32));
  Model other = model;
  other.config.rope_theta = 777;
  EXPECT_NE(first, id(other, Dtype::kFloat32));
}

TEST(WeightsTest, NanAndOverflowAreRefused) {
  const TempFolder folder;
  const Model model = TinyModel(4);
  const std::string name = "model.layers.0.mlp.up_proj.weight";
  const auto write = [&](double value) {
    WriteModel(folder.path(), model, Dtype::kFloat32);
    TensorFile file = ReadTensorFile(folder / "model.safetensors");
    file.tensors.at(name)[0][0] = value;
    WriteTensorFile(folder / "model.safetensors", file);
  };
  write(std::numeric_limits<double>::quiet_NaN());
  EXPECT_INPUT_ERROR(InputModel(OpenModel(folder.path()), 1, {}),
                     AllOf(HasSubstr(name), HasSubstr("NaN")));
  write(std::numeric_limits<double>::infinity());
  EXPECT_INPUT_ERROR(InputModel(OpenModel(folder.path()), 1, {}), HasSubstr("infinite"));
  write(1e30);
  EXPECT_INPUT_ERROR(
      OpenModel(folder.path())
          .weights->Load(name, {model.config.shape.every_layer().ffn, model.config.shape.hidden},
                         {Dtype::kFloat16, "cpu"}),
      HasSubstr("beyond fp16"));
  InputModel(OpenModel(folder.path()), 1, {});  // fp32 holds it
}

TEST(WeightsTest, ANanIsFoundAnywhereInALargeTensor) {
  constexpr int64_t kCount = 600'000;
  for (const int64_t at : {int64_t{0}, int64_t{262'143}, int64_t{262'144}, kCount - 1}) {
    const at::Tensor values = at::zeros({kCount});
    values[at] = std::numeric_limits<float>::quiet_NaN();
    EXPECT_INPUT_ERROR(LoadChecked({{"values", values}}, "values", {kCount}, {}, "file: "),
                       HasSubstr("file: 'values' has a value that is NaN"));
  }
}

}  // namespace
}  // namespace hat
