// Not only the tokens: every round drafts, accepts and keeps what an oracle without caches says.
#include <gmock/gmock.h>

#include <algorithm>

#include "protocol/tree.h"
#include "runtime/model/likeliest.h"
#include "tests/core/temp_folder.h"
#include "tests/runtime/session/drafts.h"

namespace hat {
namespace {

class RoundsTest : public testing::Test {
 protected:
  // By `system`, on a model that drafts well (even seeds) or not so well.
  void Generate(const std::string& system, uint64_t seed, double threshold,
                const std::string& drafter = "adapter") {
    ModelConfig config = TinyConfig(seed);
    config.shape.vocabulary = vocabulary_ = system == "hat" ? 12 : 6;
    options_ = SplitOptions();
    options_.plan.compute = kExact;
    options_.plan.split = 1;
    options_.system = FindSystem(system);
    options_.system.drafter = drafter;
    options_.system.options.draft_threshold = threshold;
    options_.system.options.ahead_branches = 3;
    options_.system.options.max_draft = 5;
    options_.system.options.tree = "comb-3";
    options_.seed = seed;
    model_ = Damped(RandomModel(config, seed), 1, seed % 2 == 0 ? 0.1 : 0.8);
    if (system == "hat") {
      options_.adapter = folder_ / "adapter";
      WriteMildAdapter(options_.adapter, model_, 1);
    } else {
      options_.medusa = "random:5";
    }
    request_ = {RandomIds(seed, 9, vocabulary_), 40};
    generation_ = SplitModel(model_, options_).Generate(request_);
    text_ = request_.prompt;
    text_.insert(text_.end(), generation_.output_ids.begin(), generation_.output_ids.end());
    ASSERT_EQ(generation_.output_ids.size(), 40u);
  }

  // The text up to and with output token `index`.
  std::vector<int32_t> TextTo(int index) const {
    return {text_.begin(), text_.begin() + 9 + index + 1};
  }

  const TempFolder folder_;
  int vocabulary_ = 0;
  Model model_;
  SplitOptions options_;
  GenerationRequest request_;
  Generation generation_;
  std::vector<int32_t> text_;
};

// A draft as protocol.md makes it, after `text`, with `left` output tokens still to come.
struct Draft {
  std::vector<int32_t> proposals;  // sent
  Oracle::Proposal unsent;
};
Draft DraftBehind(const Oracle& oracle, std::vector<int32_t> text, int left,
                  const PolicyOptions& options) {
  Draft draft;
  for (;;) {
    draft.unsent = oracle.Propose(text);
    const auto count = static_cast<int>(draft.proposals.size());
    const bool goes_on = count < std::min(options.max_draft, left - 1) &&
                         draft.unsent.confidence >= options.draft_threshold;
    if (!goes_on) return draft;
    draft.proposals.push_back(draft.unsent.token);
    text.push_back(draft.unsent.token);
  }
}

TEST_F(RoundsTest, DraftsAndKeptBranchesAreTheOraclesToo) {
  int kept = 0;
  int thrown_away = 0;
  int drafted = 0;
  for (uint64_t seed = 0; seed < 30; ++seed) {
    Generate("hat", seed, std::vector{0.1, 0.3, 0.5}[seed % 3],
             seed < 20 ? "adapter" : "adapter+lookup");
    const Oracle oracle(model_, options_);
    int out = 1;
    for (const RoundEvent& round : generation_.rounds) {
      const Draft draft = DraftBehind(oracle, TextTo(out - 1), 40 - out, options_.system.options);
      int accepted = 0;
      while (accepted < static_cast<int>(draft.proposals.size()) &&
             draft.proposals[static_cast<size_t>(accepted)] ==
                 generation_.output_ids[static_cast<size_t>(out + accepted)]) {
        ++accepted;
      }
      ASSERT_EQ(round.drafted, static_cast<int>(draft.proposals.size())) << seed << " " << out;
      ASSERT_EQ(round.accepted, accepted) << seed << " " << out;
      out += accepted + 1;
      drafted += round.drafted;
      if (round.ahead_steps == 0) continue;
      const int32_t next = generation_.output_ids[static_cast<size_t>(out) - 1];
      const bool is_among_branches = Ranks(draft.unsent.logits, {next})[0] <= 3;
      const bool is_kept = round.wasted_steps < round.ahead_steps;
      EXPECT_EQ(is_kept, accepted == round.drafted && is_among_branches) << seed << " " << out;
      ++(is_kept ? kept : thrown_away);
    }
    EXPECT_EQ(out, 40);
  }
  EXPECT_GT(drafted, 50);
  EXPECT_GT(kept, 20);
  EXPECT_GT(thrown_away, 20);
}

TEST_F(RoundsTest, EachNodeOfATreeIsItsOwnHeadsGuess) {
  int accepted_deep = 0;
  for (uint64_t seed = 0; seed < 12; ++seed) {
    Generate("u-medusa", seed, 0);
    const Oracle oracle(model_, options_);
    const Tree& whole = FindTree("comb-3");
    int out = 1;
    for (const RoundEvent& round : generation_.rounds) {
      const at::Tensor logits = oracle.MedusaLogits(TextTo(out - 2));
      const Tree tree = CutTree(whole, 40 - out - 1);
      int32_t node = 0;
      int accepted = 0;
      for (int32_t child = 1; child < tree.size(); ++child) {
        const auto i = static_cast<size_t>(child);
        const int32_t token = generation_.output_ids[static_cast<size_t>(out + accepted)];
        const int rank = Ranks(logits[tree.depths[i] - 1], {token})[0];
        if (tree.parents[i] != node || tree.ranks[i] != rank) continue;
        node = child;
        ++accepted;
      }
      ASSERT_EQ(round.drafted, tree.size() - 1) << seed << " " << out;
      ASSERT_EQ(round.accepted, accepted) << seed << " " << out;
      out += accepted + 1;
      accepted_deep += accepted >= 2;
    }
    EXPECT_EQ(out, 40);
  }
  EXPECT_GT(accepted_deep, 10);
}

TEST_F(RoundsTest, TheSameSeedGivesTheSameRoundsAndTies) {
  Generate("hat", 4, 0.3);
  const Generation first = generation_;
  Generate("hat", 4, 0.3);
  ASSERT_EQ(generation_.rounds.size(), first.rounds.size());
  for (size_t i = 0; i < first.rounds.size(); ++i) {
    EXPECT_EQ(generation_.rounds[i].ahead_steps, first.rounds[i].ahead_steps);
    EXPECT_EQ(generation_.rounds[i].wasted_steps, first.rounds[i].wasted_steps);
  }
  EXPECT_EQ(generation_.near_ties, first.near_ties);
}

}  // namespace
}  // namespace hat
