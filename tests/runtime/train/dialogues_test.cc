#include "runtime/train/dialogues.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "runtime/model/likeliest.h"
#include "tests/core/expect_error.h"
#include "tests/runtime/model/tiny_model.h"

namespace hat {
namespace {

const std::vector<int32_t> kBefore = {3, 4};
const std::vector<int32_t> kBetween = {5, 6, 7};

Model Talker() {
  ModelConfig config = TinyConfig(4);
  config.eos_tokens = {2, 9};
  return RandomModel(config, 4);
}

DialogueOptions Options() {
  DialogueOptions options;
  options.user_tokens = 5;
  options.answer_tokens = 7;
  options.together = 3;
  options.most_likely = 8;
  options.compute = kExact;
  return options;
}

std::vector<Dialogue> Make(const DialogueOptions& options, int first, int count) {
  std::vector<Dialogue> made;
  MakeDialogues(Talker(), kBefore, kBetween, options, first, count, [&](const Dialogue& one) {
    made.push_back(one);
    return true;
  });
  return made;
}

bool IsEnd(int32_t token) { return token == 2 || token == 9; }

// Each answer is what the model says after the turn, token by token, run alone.
TEST(DialoguesTest, AnswersAreTheModelsOwnAfterTheTurn) {
  const Model model = Talker();
  const InputModel input(model, model.config.shape.layer_count(), kExact);
  const OutputHead head(model, kExact, &input);
  const std::vector<Dialogue> made = Make(Options(), 0, 7);
  ASSERT_EQ(made.size(), 7U);
  for (const Dialogue& dialogue : made) {
    std::vector<int32_t> ids = kBefore;
    ids.insert(ids.end(), dialogue.user.begin(), dialogue.user.end());
    ids.insert(ids.end(), kBetween.begin(), kBetween.end());
    for (size_t i = 0; i < dialogue.answer.size(); ++i) {
      const at::Tensor states = RunAlone(input, ids);
      const int32_t wanted = GreedyTokens(head.Logits(states))[ids.size() - 1];
      EXPECT_EQ(dialogue.answer[i], wanted);
      ids.push_back(wanted);
    }
    EXPECT_TRUE(IsEnd(dialogue.answer.back()) || dialogue.answer.size() == 7);
    EXPECT_LE(dialogue.user.size(), 5U);
    EXPECT_TRUE(std::ranges::none_of(dialogue.user, IsEnd));
  }
}

TEST(DialoguesTest, ADialogueDependsOnItsNumberAlone) {
  const std::vector<Dialogue> all = Make(Options(), 0, 7);
  DialogueOptions options = Options();
  options.together = 5;
  const std::vector<Dialogue> some = Make(options, 2, 4);
  for (size_t i = 0; i < some.size(); ++i) {
    EXPECT_EQ(some[i].user, all[i + 2].user);
    EXPECT_EQ(some[i].answer, all[i + 2].answer);
  }
  EXPECT_TRUE(
      std::ranges::any_of(all, [&](const Dialogue& one) { return one.user != all[0].user; }));
  options.seed = 2;
  EXPECT_NE(Make(options, 2, 1)[0].user, all[2].user);
}

TEST(DialoguesTest, ATurnIsDrawnFromTheLikeliest) {
  DialogueOptions options = Options();
  options.most_likely = 1;
  const std::vector<Dialogue> greedy = Make(options, 0, 2);
  EXPECT_EQ(greedy[0].user, greedy[1].user);
}

TEST(DialoguesTest, WhatDoesNotFitThePositionsIsRefused) {
  DialogueOptions options = Options();
  options.answer_tokens = 1 << 20;
  EXPECT_INPUT_ERROR(Make(options, 0, 1), testing::HasSubstr("positions"));
}

}  // namespace
}  // namespace hat
