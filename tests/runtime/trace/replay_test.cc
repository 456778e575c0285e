// A recorded trace replays exactly: the simulator drafts and keeps what the model itself does.
#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "cli/trace_compare.h"
#include "runtime/model/tensor_file.h"
#include "runtime/session/split_model.h"
#include "tests/runtime/trace/drafted_folder.h"

namespace hat {
namespace {

constexpr int kPrompts = 20, kTokens = 32, kMaxDraft = 6;

class ReplayTest : public testing::Test {
 protected:
  ReplayTest() : folder_(kPrompts, 10), trace_(Record("adapter")) {
    trace_.Save(folder_ / "trace");
  }

  DraftTrace Record(const std::string& drafter) const {
    TraceRecording recording;
    recording.model = folder_.model();
    recording.model.drafter = drafter;
    recording.output_tokens = kTokens;
    recording.max_draft = kMaxDraft;
    return *RecordTrace(recording, folder_.prompts(), [](int) { return true; });
  }

  // The nearest to `wanted` that is at least 1e-4 away from every confidence.
  double ThresholdNear(double wanted) const {
    std::vector<float> confidences;
    for (int row = 0; row < trace_.rows(); ++row) {
      for (int t = 1; t < kTokens; ++t) {
        const auto of_row = trace_.Row(row, t).confidences;
        confidences.insert(confidences.end(), of_row.begin(), of_row.end());
      }
    }
    for (int step = 0; step < 100'000; ++step) {
      const double threshold = wanted + (step % 2 == 0 ? 1e-5 : -1e-5) * (step / 2);
      if (std::ranges::none_of(confidences, [&](float confidence) {
            return std::abs(confidence - threshold) < 1e-4;
          })) {
        return threshold;
      }
    }
    ADD_FAILURE() << "no threshold near " << wanted;
    return wanted;
  }

  std::vector<Generation> RunLive(const SystemSpec& system) const {
    SplitOptions options;
    options.plan.split = folder_.model().split;
    options.system = system;
    options.adapter = folder_.model().adapter;
    options.medusa = folder_.model().medusa;
    options.devices = 3;
    options.ends_at_end_of_text = false;
    std::vector<GenerationRequest> requests;
    for (const Prompt& prompt : folder_.prompts().prompts) {
      requests.push_back({prompt.ids, kTokens});
    }
    return SplitModel(folder_.path(), options).Generate(requests);
  }

  std::vector<ReplayedRequest> Simulate(const std::vector<std::string>& overrides) const {
    const TempFolder scratch;
    return ReplayTrace({folder_ / "config.json", folder_ / "prompts.csv", folder_ / "trace",
                        folder_.model().split, kTokens, kPrompts},
                       scratch.path(), {overrides})
        .front();
  }

  // Every request's sums, live and simulated, and every live round beside the trace's.
  template <typename Rounds>
  void ExpectNoDifference(const std::vector<Generation>& live,
                          const std::vector<ReplayedRequest>& simulated, const Rounds& rounds) {
    ASSERT_EQ(live.size(), simulated.size());
    for (int row = 0; row < kPrompts; ++row) {
      const Generation& generation = live[static_cast<size_t>(row)];
      const ReplayedRequest& replayed = simulated[static_cast<size_t>(row)];
      int drafted = 0, accepted = 0;
      for (const RoundEvent& round : generation.rounds) {
        drafted += round.drafted;
        accepted += round.accepted;
        kept_ += round.wasted_steps < round.ahead_steps;
        discarded_ += round.ahead_steps > 0 && round.wasted_steps == round.ahead_steps;
      }
      EXPECT_EQ(replayed.rounds, static_cast<int>(generation.rounds.size())) << "row " << row;
      EXPECT_EQ(replayed.drafted, drafted) << "row " << row;
      EXPECT_EQ(replayed.accepted, accepted) << "row " << row;
      const auto difference = CompareRounds(row, generation, rounds(row), replayed);
      EXPECT_FALSE(difference.has_value()) << "row " << row << ": " << difference->text;
      drafted_ += drafted;
      accepted_ += accepted;
    }
  }

  DraftedFolder folder_;
  DraftTrace trace_;
  int drafted_ = 0, accepted_ = 0, kept_ = 0, discarded_ = 0;  // of all live runs
};

TEST_F(ReplayTest, EveryDraftIsTheSimulatorsAtEveryThresholdAndLength) {
  for (const double wanted : {0.2, 0.4, 0.6}) {
    const double threshold = ThresholdNear(wanted);
    for (const int max_draft : {2, kMaxDraft}) {
      for (const bool ahead : {false, true}) {
        const std::vector<std::string> overrides = {
            "policy.draft_threshold=" + ExactText(threshold),
            "policy.max_draft=" + std::to_string(max_draft),
            std::string("system.draft_ahead=") + (ahead ? "true" : "false")};
        SCOPED_TRACE(testing::PrintToString(overrides));
        SystemSpec system = FindSystem("hat");
        system.draft_ahead = ahead;
        system.options.draft_threshold = threshold;
        system.options.max_draft = max_draft;
        ExpectNoDifference(RunLive(system), Simulate(overrides),
                           [&](int row) { return DraftRounds(trace_, row, threshold, max_draft); });
      }
    }
  }
  EXPECT_GT(accepted_, 300);
  EXPECT_GT(drafted_ - accepted_, 300);
  EXPECT_GT(kept_, 50);
  EXPECT_GT(discarded_, 50);
}

TEST_F(ReplayTest, LookupsInTheTextAreTheSimulatorsToo) {
  for (const std::string drafter : {"lookup", "adapter+lookup"}) {
    SCOPED_TRACE(drafter);
    trace_ = Record(drafter);
    trace_.Save(folder_ / "trace");
    const double threshold = ThresholdNear(0.55);
    SystemSpec system = FindSystem("hat");
    system.drafter = drafter;
    system.options.draft_threshold = threshold;
    system.options.max_draft = kMaxDraft;
    ExpectNoDifference(
        RunLive(system),
        Simulate({"system.drafter=" + drafter, "policy.draft_threshold=" + ExactText(threshold),
                  "policy.max_draft=" + std::to_string(kMaxDraft)}),
        [&](int row) { return DraftRounds(trace_, row, threshold, kMaxDraft); });
    EXPECT_GT(std::exchange(accepted_, 0), 50);
    EXPECT_GT(std::exchange(kept_, 0), drafter == "lookup" ? -1 : 5);
  }
}

TEST_F(ReplayTest, EveryTreeIsTheSimulatorsToo) {
  for (const std::string name : {"chain", "comb-3"}) {
    SCOPED_TRACE(name);
    SystemSpec system = FindSystem("u-medusa");
    system.options.tree = name;
    ExpectNoDifference(RunLive(system), Simulate({"system.name=u-medusa", "policy.tree=" + name}),
                       [&](int row) { return TreeRounds(trace_, row, FindTree(name)); });
  }
  EXPECT_GT(accepted_, 20);
  EXPECT_GT(drafted_ - accepted_, 20);
}

}  // namespace
}  // namespace hat
