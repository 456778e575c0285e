#include "runtime/trace/draft_recorder.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>

#include "runtime/model/likeliest.h"
#include "tests/core/temp_folder.h"
#include "tests/runtime/session/drafts.h"

namespace hat {
namespace {

const std::string kNoHash(64, '0');

// A model whose adapter is often right, but not always.
class DraftRecorderTest : public testing::Test {
 protected:
  DraftRecorderTest() {
    ModelConfig config = TinyConfig(2);
    config.shape.layers.resize(4, config.shape.layers[0]);
    config.shape.vocabulary = 10;
    config.eos_tokens = {0, 1, 2, 3};
    options_.plan.split = 1;
    options_.plan.compute = kExact;
    options_.adapter = folder_ / "adapter";
    options_.medusa = "random:5";
    model_ = Damped(RandomModel(config, 2), 1, 0.5);
    WriteMildAdapter(options_.adapter, model_, 1);
  }

  // Prompts of 5 and 9 tokens. max_steps 0: without the adapter.
  DraftTrace Record(int output_tokens, int max_steps, bool has_heads = true) {
    const AdapterFile adapter = LoadAdapter(options_.adapter, model_, 1);
    const MedusaFile medusa = LoadMedusa(options_.medusa, model_);
    const DraftRecorder recorder(model_, max_steps > 0 ? &adapter : nullptr,
                                 has_heads ? &medusa : nullptr, 1, kExact);
    DraftTrace trace({"", kNoHash, kNoHash, output_tokens, max_steps, recorder.heads()}, {3, 5, 9});
    outputs_ = recorder.Record(prompts_, 1, trace);
    return trace;
  }

  // Prompt i with its first `count` output tokens.
  std::vector<int32_t> Text(size_t i, int count) const {
    std::vector<int32_t> text = prompts_[i];
    text.insert(text.end(), outputs_[i].begin(), outputs_[i].begin() + count);
    return text;
  }

  const TempFolder folder_;
  SplitOptions options_;
  Model model_;
  std::vector<std::vector<int32_t>> prompts_ = {RandomIds(1, 5, 10), RandomIds(2, 9, 10)};
  std::vector<std::vector<int32_t>> outputs_;
};

TEST_F(DraftRecorderTest, EveryPositionHoldsWhatAnOracleWithoutCachesSays) {
  constexpr int kTokens = 14, kSteps = 4;
  const DraftTrace trace = Record(kTokens, kSteps);
  const Oracle oracle(model_, options_);
  int agreed = 0, missed = 0;
  for (size_t i = 0; i < prompts_.size(); ++i) {
    ASSERT_EQ(outputs_[i].size(), static_cast<size_t>(kTokens));
    EXPECT_EQ(oracle.Target(prompts_[i]), outputs_[i][0]);
    for (int t = 1; t < kTokens; ++t) {
      EXPECT_EQ(oracle.Target(Text(i, t)), outputs_[i][static_cast<size_t>(t)]);
      const TraceRow row = trace.Row(static_cast<int>(i) + 1, t);
      std::vector<int32_t> chain = Text(i, t);
      int right = 0, rank = 0;
      for (int j = 0; j < trace.StepsAt(t); ++j) {
        const Oracle::Proposal proposal = oracle.Propose(chain);
        const int32_t target = outputs_[i][static_cast<size_t>(t + j)];
        EXPECT_NEAR(row.confidences[static_cast<size_t>(j)], proposal.confidence, 1e-6);
        if (rank == 0 && proposal.token == target) ++right;
        if (rank == 0 && proposal.token != target) rank = Ranks(proposal.logits, {target})[0];
        chain.push_back(proposal.token);
      }
      EXPECT_EQ(row.agreed, right) << i << " " << t;
      EXPECT_EQ(row.mismatch_rank, rank) << i << " " << t;
      const at::Tensor heads = oracle.MedusaLogits(Text(i, t - 1));
      for (int j = 1; j <= trace.HeadsAt(t); ++j) {
        const int32_t target = outputs_[i][static_cast<size_t>(t + j) - 1];
        EXPECT_EQ(row.medusa_ranks[static_cast<size_t>(j) - 1], Ranks(heads[j - 1], {target})[0]);
      }
      agreed += right;
      missed += rank > 0;
    }
  }
  EXPECT_GT(agreed, 10);
  EXPECT_GT(missed, 5);
}

TEST_F(DraftRecorderTest, RowsOfOtherPromptsStayAsTheyWere) {
  const DraftTrace trace = Record(6, 2);
  EXPECT_EQ(trace.Row(0, 1).agreed, 0);
  EXPECT_EQ(trace.Row(0, 1).mismatch_rank, UINT16_MAX);
}

TEST_F(DraftRecorderTest, OneDrafterAloneIsRecordedAsBesideTheOther) {
  const DraftTrace both = Record(8, 3);
  const DraftTrace adapter = Record(8, 3, false);
  const DraftTrace medusa = Record(8, 0);
  for (int t = 1; t < 8; ++t) {
    EXPECT_EQ(adapter.Row(1, t).agreed, both.Row(1, t).agreed);
    EXPECT_THAT(medusa.Row(1, t).medusa_ranks,
                testing::ElementsAreArray(both.Row(1, t).medusa_ranks));
  }
}

TEST_F(DraftRecorderTest, OneOutputTokenHasNoPositions) {
  Record(1, 3);
  EXPECT_EQ(outputs_[0].size(), 1u);
}

}  // namespace
}  // namespace hat
