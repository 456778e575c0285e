// A draft trace replays exactly: rounds, drafted and accepted of every request are those that a
// walk over the trace gives, whatever the timing.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include <algorithm>
#include <functional>
#include <ostream>

#include "protocol/tree.h"
#include "tests/core/expect_error.h"
#include "tests/sim/child_run.h"
#include "tests/sim/hand_trace.h"
#include "tests/sim/toy.h"

namespace hat {
namespace {

using testing::HasSubstr;

const std::vector<int> kPrompts = {10, 80, 200, 33, 150, 61};
constexpr int kOutputs = 60;
constexpr int kSteps = 9;

struct Counts {
  int drafted = 0, accepted = 0;
  bool operator==(const Counts&) const = default;
};
std::ostream& operator<<(std::ostream& out, const Counts& counts) {
  return out << counts.drafted << "/" << counts.accepted;
}

using GoesOn = std::function<bool(float confidence, int drafted)>;

std::vector<Counts> Drafts(const DraftTrace& trace, int row, int max_draft, const GoesOn& goes_on) {
  std::vector<Counts> rounds;
  for (int t = 1; t < kOutputs;) {  // tokens out; token t starts the chain
    const TraceRow values = trace.Row(row, t);
    const int most = std::min(max_draft, kOutputs - t - 1);
    int n = 0;
    while (n < most && goes_on(values.confidences[static_cast<size_t>(n)], n)) ++n;
    const int kept = std::min(n, values.agreed);
    rounds.push_back({n, kept});
    t += kept + 1;
  }
  return rounds;
}

std::vector<Counts> Trees(const DraftTrace& trace, int row, const Tree& tree) {
  std::vector<Counts> rounds;
  for (int t = 1; t < kOutputs;) {
    const TraceRow values = trace.Row(row, t);
    int nodes = 0, depth = 0;
    int32_t place = 0;
    for (int32_t node = 1; node < tree.size(); ++node) {
      const auto i = static_cast<size_t>(node);
      if (tree.depths[i] > kOutputs - t - 1) continue;
      ++nodes;
      if (tree.parents[i] != place || tree.depths[i] != depth + 1) continue;
      if (values.medusa_ranks[static_cast<size_t>(depth)] != tree.ranks[i]) continue;
      place = node;
      ++depth;
    }
    rounds.push_back({nodes, depth});
    t += depth + 1;
  }
  return rounds;
}

struct Replay {
  std::string name;
  std::vector<std::string> overrides;
  int max_draft;
  GoesOn goes_on;
};

Replay Threshold(double threshold, int max_draft, bool ahead) {
  return {fmt::format("Threshold{:.0f}{}", 100 * threshold, ahead ? "Ahead" : ""),
          {fmt::format("policy.draft_threshold={}", threshold),
           fmt::format("system.draft_ahead={}", ahead)},
          max_draft,
          [=](float confidence, int) { return confidence >= threshold; }};
}

std::vector<Replay> Replays() {
  std::vector<Replay> replays;
  for (const bool ahead : {false, true}) {
    for (const double threshold : {0.0, 0.3, 0.6, 1.0}) {
      replays.push_back(Threshold(threshold, 8, ahead));
    }
  }
  replays.push_back(Threshold(0.2, 2, true));
  replays.push_back(
      {"Fixed", {"system.drafting=fixed", "policy.draft_fixed=3"}, 8, [](float, int drafted) {
         return drafted < 3;
       }});
  replays.push_back({"Contrarian",
                     {"system.drafting=contrarian", "policy.draft_threshold=0.7"},
                     8,
                     [](float confidence, int) { return confidence < 0.7; }});
  return replays;
}

class DraftReplayTest : public testing::TestWithParam<Replay> {
 protected:
  DraftReplayTest() : trace_(RandomTrace({kOutputs, kSteps, 4}, kPrompts, 5)) {
    trace_.Save(toy_ / "trace");
    std::string csv = "prompt_tokens\n";
    for (const int tokens : kPrompts) csv += fmt::format("{}\n", tokens);
    toy_.Write("prompts.csv", csv);
  }

  std::vector<std::string> Overrides(const std::vector<std::string>& more) const {
    std::vector<std::string> overrides = {
        "fleet.class.0.count=3",
        "cloud.stages=2",
        "workload.arrivals=poisson",
        "workload.rate_per_s=8",
        "workload.requests=24",
        "workload.prompts={kind=\"csv\",path=\"prompts.csv\"}",
        fmt::format("workload.outputs.tokens={}", kOutputs),
        "acceptance.trace=trace",
    };
    overrides.insert(overrides.end(), more.begin(), more.end());
    return overrides;
  }

  static std::vector<Counts> RoundsOf(const WatchedRun& run, int request) {
    std::vector<Counts> rounds;
    for (const RoundEvent& round : run.RoundsOf(request)) {
      rounds.push_back({round.drafted, round.accepted});
    }
    return rounds;
  }

  Toy toy_;
  DraftTrace trace_;
};

TEST_P(DraftReplayTest, EveryRoundIsTheTraces) {
  const Replay& replay = GetParam();
  std::vector<std::string> overrides = Overrides(replay.overrides);
  overrides.push_back(fmt::format("policy.max_draft={}", replay.max_draft));
  const WatchedRun run = RunInChild(toy_.Load(overrides));
  ASSERT_EQ(run.rows.size(), 24u);
  for (const RequestRow& row : run.rows) {
    const auto expected = Drafts(trace_, row.request.prompt_row, replay.max_draft, replay.goes_on);
    EXPECT_EQ(RoundsOf(run, row.request.id), expected) << "request " << row.request.id;
  }
}

INSTANTIATE_TEST_SUITE_P(Policies, DraftReplayTest, testing::ValuesIn(Replays()),
                         [](const auto& replay) {
                           return fmt::format("{}Max{}", replay.param.name, replay.param.max_draft);
                         });

TEST_F(DraftReplayTest, DraftingAheadOnlyChangesWhatIsWasted) {
  const WatchedRun run = RunInChild(toy_.Load(Overrides({"policy.draft_threshold=0.3"})));
  int kept = 0, wasted = 0;
  for (const RequestRow& row : run.rows) {
    kept += row.ahead_steps - row.wasted_steps;
    wasted += row.wasted_steps;
  }
  EXPECT_GT(kept, 50);
  EXPECT_GT(wasted, 50);
}

TEST_F(DraftReplayTest, EveryTreeRoundIsTheTraces) {
  for (const std::string& name : TreeNames()) {
    const WatchedRun run =
        RunInChild(toy_.Load(Overrides({"system.name=u-medusa", "policy.tree=" + name})));
    for (const RequestRow& row : run.rows) {
      EXPECT_EQ(RoundsOf(run, row.request.id),
                Trees(trace_, row.request.prompt_row, FindTree(name)))
          << name << ", request " << row.request.id;
    }
  }
}

TEST_F(DraftReplayTest, ATraceThatDoesNotFitIsRefused) {
  EXPECT_INPUT_ERROR(RunInChild(toy_.Load(Overrides({"policy.max_draft=9"}))),
                     HasSubstr("'policy.max_draft' must be at most 8"));
  EXPECT_INPUT_ERROR(RunInChild(toy_.Load(Overrides({"workload.outputs.tokens=61"}))),
                     HasSubstr("60 output tokens"));
  EXPECT_INPUT_ERROR(RunInChild(toy_.Load(Overrides({"acceptance.trace=toy.toml"}))),
                     HasSubstr("toy.toml"));
}

}  // namespace
}  // namespace hat
