#include "runtime/train/greedy_run.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include <algorithm>
#include <vector>

#include "runtime/train/sequence_model.h"
#include "tests/runtime/model/tiny_model.h"

namespace hat {
namespace {

// One position after the other without caches: the states behind `ids`, through all layers.
at::Tensor LastLogits(const SequenceModel& model, const at::Tensor& states) {
  return at::mm(model.Normed(states), model.output().t())[states.size(1) - 1];
}

TEST(GreedyRunTest, TokensAndGuessesEqualWholeSequencesWithoutCaches) {
  torch::NoGradGuard no_gradient;
  const Model model = TinyModel(11);
  const int layers = model.config.shape.layers, split = 1;
  const AdapterFile adapter = LoadAdapter("random:3", model, split);
  const MedusaFile medusa = LoadMedusa("random:4", model);
  const SequenceModel whole(model, kExact);
  const std::vector<std::vector<int32_t>> prompts = {
      RandomIds(1, 5, model.config.shape.vocabulary),
      RandomIds(2, 9, model.config.shape.vocabulary)};
  const auto outputs = RunGreedy(model, &adapter, &medusa, split, prompts, 6, kExact);
  AttentionWeights weights = adapter.weights;
  for (at::Tensor* tensor : {&weights.norm, &weights.q, &weights.k, &weights.v, &weights.o}) {
    *tensor = tensor->to(at::kDouble);
  }
  for (size_t i = 0; i < prompts.size(); ++i) {
    ASSERT_EQ(outputs[i].tokens.size(), 6u);
    ASSERT_EQ(outputs[i].guesses.size(), 5u);
    ASSERT_EQ(outputs[i].hits.size(), 6u);
    std::vector<int64_t> ids(prompts[i].begin(), prompts[i].end());
    for (size_t step = 0; step < 6; ++step) {
      const at::Tensor shallow = whole.Layers(whole.Embed(at::tensor(ids).unsqueeze(0)), 0, split);
      const at::Tensor deep = whole.Layers(shallow, split, layers);
      const auto token = LastLogits(whole, deep).argmax().item<int64_t>();
      EXPECT_EQ(outputs[i].tokens[step], token);
      const at::Tensor draft = LastLogits(whole, whole.Adapted(shallow, weights)).softmax(0);
      if (step > 0) {
        EXPECT_NEAR(outputs[i].guesses[step - 1].confidence, draft.max().item<double>(), 1e-6);
        EXPECT_EQ(outputs[i].guesses[step - 1].is_right, draft.argmax().item<int64_t>() == token);
      }
      ids.push_back(token);
    }
  }
}

TEST(GreedyRunTest, HeadsWithoutABlockHitAsOftenAsTheOutputRepeatsItself) {
  const Model model = TinyModel(11);
  const SequenceModel whole(model, kExact);
  MedusaFile medusa;
  const int64_t hidden = model.config.shape.hidden;
  for (int j = 0; j < 3; ++j) {
    medusa.heads.push_back({at::zeros({hidden, hidden}), at::zeros({hidden}), whole.output()});
  }
  const auto outputs = RunGreedy(model, nullptr, &medusa, 1,
                                 {RandomIds(1, 5, model.config.shape.vocabulary)}, 12, kExact);
  const std::vector<int32_t>& tokens = outputs[0].tokens;
  for (size_t at = 0; at < tokens.size(); ++at) {
    // Each head says the token that the state itself yields.
    int repeats = 0;
    while (repeats < 3 && at + repeats + 1 < tokens.size() &&
           tokens[at + repeats + 1] == tokens[at]) {
      ++repeats;
    }
    EXPECT_EQ(outputs[0].hits[at], repeats) << at;
  }
  EXPECT_TRUE(outputs[0].guesses.empty());
}

}  // namespace
}  // namespace hat
