#include "runtime/model/weight_matrix.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "runtime/model/cpu_operations.h"
#include "tests/core/expect_error.h"
#include "tests/runtime/model/tiny_model.h"

namespace hat {
namespace {

at::Tensor Random(const std::vector<int64_t>& sizes, const char* name) {
  return RandomTensor(sizes, 2, 1, name);
}

TEST(WeightMatrixTest, EachValueIsWithinHalfAStepOfItsRows) {
  at::Tensor weight = Random({7, 50}, "weight");
  weight[3].fill_(0);
  weight[4].mul_(1000);
  const WeightMatrix matrix = Quantised(weight);
  EXPECT_EQ(matrix.values.scalar_type(), at::kChar);
  const at::Tensor steps = (Dense(matrix, at::kFloat) - weight).abs() / matrix.scales.unsqueeze(1);
  EXPECT_LT(steps.max().item<float>(), 0.5001F);
  EXPECT_EQ(matrix.values.to(at::kInt).abs().amax(1)[4].item<int>(), 127);
  EXPECT_EQ(matrix.values[3].to(at::kInt).abs().max().item<int>(), 0);
}

TEST(WeightMatrixTest, RowsOfATableAreItsRows) {
  const WeightMatrix table = Quantised(Random({9, 12}, "table"));
  const at::Tensor index = at::tensor(std::vector<int64_t>{8, 0, 8});
  EXPECT_TRUE(at::equal(RowsOf(table, index), Dense(table, at::kFloat).index_select(0, index)));
}

// Few rows and many, whole vectors and odd ends, one thread's work and more.
TEST(WeightMatrixTest, ProductsAreThoseOfTheWrittenOutMatrix) {
  for (const auto type : {at::kFloat, at::kBFloat16}) {
    for (const int64_t in : {5, 37, 64, 576}) {
      for (const int64_t out : {3, 64, 131, 700}) {
        const WeightMatrix matrix = Quantised(Random({out, in}, "weight"));
        for (const int64_t rows : {1, 2, 3, 9, 64, 65, 130}) {
          const at::Tensor x = Random({rows, in}, "x").to(type);
          const at::Tensor wanted = x.to(at::kDouble).matmul(Dense(matrix, at::kDouble).t());
          EXPECT_LT(Distance(CpuLinear(x, matrix, {}, /*wide=*/true).to(at::kDouble), wanted), 3e-6)
              << rows << " " << in << " " << out;
          const at::Tensor more = Random({rows, out}, "more").to(type);
          EXPECT_LT(
              Distance(CpuLinear(x, matrix, more).to(at::kDouble), wanted + more.to(at::kDouble)),
              type == at::kFloat ? 3e-6 : 1e-2);
        }
      }
    }
  }
}

// A model of int8 weights is the model of the weights that these stand for.
TEST(WeightMatrixTest, AModelOfThemIsTheWrittenOutModel) {
  const Model model = TinyModel(4);
  const Compute narrow = {Dtype::kFloat32, "cpu", true};
  const InputModel input(model, 2, narrow), plain(model, 2, {});
  const OutputHead head(model, narrow, &input), plain_head(model, {}, &plain);
  const std::vector<int32_t> ids = RandomIds(1, 6, model.config.shape.vocabulary);
  const at::Tensor logits = head.Logits(RunAlone(input, ids));
  const at::Tensor exact = plain_head.Logits(RunAlone(plain, ids));
  EXPECT_LT(Distance(logits, exact), 0.1);
  EXPECT_GT(Distance(logits, exact), 1e-5) << "it is not the same";
}

TEST(WeightMatrixTest, OnlyTheCpusNarrowTypesHaveThem) {
  EXPECT_INPUT_ERROR(InputModel(TinyModel(4), 1, {Dtype::kFloat64, "cpu", true}),
                     testing::HasSubstr("int8"));
}

}  // namespace
}  // namespace hat
