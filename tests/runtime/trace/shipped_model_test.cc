// The model that ships, models/small/: its parts belong together and are worth what is said of
// them.
#include <gmock/gmock.h>

#include <fstream>
#include <map>

#include "experiments/traces/draft_trace_summary.h"
#include "experiments/traces/prompt_file.h"
#include "protocol/system.h"
#include "protocol/tree.h"
#include "runtime/model/config.h"
#include "runtime/session/split_model.h"
#include "runtime/session/whole_model.h"
#include "runtime/trace/trace_recording.h"

namespace hat {
namespace {

class ShippedModelTest : public testing::Test {
 protected:
  const std::string folder_ = "models/small";
  const DraftedModel model_ = {folder_, folder_ + "/adapter.safetensors",
                               folder_ + "/medusa.safetensors", 2};
  const DraftTrace trace_ = DraftTrace::Load(folder_ + "/drafts.trace");
  const PromptFile prompts_ =
      LoadPrompts(folder_ + "/prompts.csv",
                  PromptLimitsOf(ReadModelConfig(folder_), trace_.info().output_tokens));
};

TEST_F(ShippedModelTest, TraceWasRecordedWithItsWeightsBehindItsPrompts) {
  EXPECT_EQ(trace_.info().model_sha256, WeightsSha256(model_));
  EXPECT_EQ(trace_.info().prompts_sha256, prompts_.sha256);
  EXPECT_EQ(trace_.info().output_tokens, 128);
  EXPECT_EQ(trace_.info().medusa_heads, 4);
  EXPECT_EQ(trace_.rows(), 480);
}

TEST_F(ShippedModelTest, PromptsHaveTheLengthsOfSpecBenchAndComeFromThreeGenres) {
  std::ifstream lengths("experiments/workloads/spec_bench_prompt_tokens.csv");
  std::string line;
  std::getline(lengths, line);
  std::map<std::string, int> of_genre;
  for (const Prompt& prompt : prompts_.prompts) {
    ASSERT_TRUE(std::getline(lengths, line));
    EXPECT_EQ(std::to_string(prompt.ids.size()), line.substr(line.rfind(',') + 1));
    ++of_genre[prompt.genre];
  }
  EXPECT_THAT(of_genre,
              testing::ElementsAre(testing::Pair("manual", 160), testing::Pair("reference", 160),
                                   testing::Pair("scripture", 160)));
}

TEST_F(ShippedModelTest, DraftsAreWorthTheirWhile) {
  const RoundTotals hat = DraftTotals(trace_, 0.6, PolicyOptions().max_draft);
  EXPECT_GE(hat.AcceptLength(), 1.8);
  EXPECT_GE(hat.AcceptedShare(), 0.5);
  EXPECT_GE(TreeTotals(trace_, FindTree(PolicyOptions().tree)).AcceptLength(), 1.4);
}

TEST_F(ShippedModelTest, EverySystemSaysTheSame) {
  for (const size_t row : {0U, 1U, 2U}) {
    const GenerationRequest request = {prompts_.prompts[row].ids, 48};
    const std::vector<int32_t> whole =
        WholeModel(folder_, SplitPlan()).Generate(request).output_ids;
    for (const char* system : {"u-shape", "u-sarathi", "hat", "u-medusa"}) {
      SplitOptions options;
      options.system = FindSystem(system);
      options.adapter = model_.adapter;
      options.medusa = model_.medusa;
      EXPECT_EQ(SplitModel(folder_, options).Generate(request).output_ids, whole)
          << system << ", row " << row;
    }
  }
}

}  // namespace
}  // namespace hat
