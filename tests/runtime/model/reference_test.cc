// Against transformers: tests/data/runtime, made by tests/runtime/make_reference.py.
#include <gtest/gtest.h>

#include "tests/runtime/model/tiny_model.h"

namespace hat {
namespace {

constexpr double kTolerance = 1e-4;  // of the largest value

class ReferenceTest : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    const std::string folder = std::string("tests/data/runtime/") + GetParam();
    model_ = OpenModel(folder);
    reference_ = ReadTensorFile(folder + "/reference.safetensors");
    const at::Tensor ids = reference_.tensors.at("ids");  // [tokens]
    ids_.assign(ids.data_ptr<int64_t>(), ids.data_ptr<int64_t>() + ids.numel());
  }

  const at::Tensor& logits() const { return reference_.tensors.at("logits"); }

  Model model_;
  TensorFile reference_;
  std::vector<int32_t> ids_;
};

TEST_P(ReferenceTest, LogitsAreThoseOfTransformers) {
  const InputModel whole(model_, model_.config.shape.layer_count(), {});
  const OutputHead head(model_, {}, &whole);
  EXPECT_LT(Distance(head.Logits(RunAlone(whole, ids_)), logits()), kTolerance);
}

TEST_P(ReferenceTest, EveryLayersStatesAreThoseOfTransformers) {
  for (int depth = 0; depth <= model_.config.shape.layer_count(); ++depth) {
    const InputModel part(model_, depth, {});
    EXPECT_LT(Distance(RunAlone(part, ids_), reference_.tensors.at("states")[depth]), kTolerance)
        << "depth " << depth;
  }
}

TEST_P(ReferenceTest, TheDistanceIsSmallBecauseTheModelIsTheSame) {
  const OutputHead head(model_, {});
  const InputModel one_less(model_, model_.config.shape.layer_count() - 1, {});
  EXPECT_GT(Distance(head.Logits(RunAlone(one_less, ids_)), logits()), 0.1);
}

INSTANTIATE_TEST_SUITE_P(Checkpoints, ReferenceTest,
                         testing::Values("mha", "gqa_llama3_tied", "linear", "sharded_bf16",
                                         "llama31", "mistral", "qwen2", "qwen3", "smollm3"),
                         [](const auto& test) { return std::string(test.param); });

}  // namespace
}  // namespace hat
