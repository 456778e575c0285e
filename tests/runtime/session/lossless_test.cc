// The claim that the project stands on: split, chunked, speculative inference says what the whole
// model says.
#include <gmock/gmock.h>

#include <algorithm>
#include <limits>

#include "core/random.h"
#include "experiments/laws/laws.h"
#include "protocol/policies/chunking.h"
#include "protocol/tree.h"
#include "tests/core/temp_folder.h"
#include "tests/runtime/session/drafts.h"

namespace hat {
namespace {

struct Counts {
  int accepted = 0, rejected = 0, tree_accepted = 0, branches_kept = 0, branches_wasted = 0;

  void Add(const SystemSpec& system, const Generation& generation) {
    for (const RoundEvent& round : generation.rounds) {
      const bool is_tree = system.drafts_trees;
      (is_tree ? tree_accepted : accepted) += round.accepted;
      rejected += round.drafted - round.accepted;
      branches_kept += round.wasted_steps < round.ahead_steps;
      branches_wasted += round.ahead_steps > 0 && round.wasted_steps == round.ahead_steps;
    }
  }
};

// A random model, requests, and ways to serve them.
class Trial {
 public:
  Trial(uint64_t seed, const Compute& compute, const std::string& folder)
      : draw_(seed, "trial"), model_(TinyModel(seed)) {
    ModelConfig config = TinyConfig(seed);
    config.shape.vocabulary = 5 + draw_.UniformInt(20);
    plan_.split = 1 + draw_.UniformInt(config.shape.layer_count() - 1);
    plan_.compute = compute;
    plan_.wire =
        std::vector{Dtype::kFloat32, Dtype::kFloat16, Dtype::kBfloat16}[draw_.UniformInt(3)];
    int positions = 0;
    for (int i = 0; i <= draw_.UniformInt(3); ++i) {
      const int prompt = 1 + draw_.UniformInt(20);
      const int new_tokens = 1 + draw_.UniformInt(20);
      requests_.push_back(
          {RandomIds(seed + 1000 * static_cast<uint64_t>(i), prompt, config.shape.vocabulary),
           new_tokens});
      positions = std::max(positions, prompt + new_tokens - 1);
    }
    config.max_positions = positions + draw_.UniformInt(2);  // no room to spare
    const double damping = std::vector{0.02, 0.2, 1.0}[draw_.UniformInt(3)];
    model_ = Damped(RandomModel(config, seed), plan_.split, damping);
    adapter_ = folder + "/" + std::to_string(seed);
    WriteMildAdapter(adapter_, model_, plan_.split);
  }

  const std::vector<GenerationRequest>& requests() const { return requests_; }

  std::vector<Generation> RunWhole() {
    WholeModel whole(model_, plan_);
    std::vector<Generation> generations;
    for (const GenerationRequest& request : requests_) {
      generations.push_back(whole.Generate(request));
    }
    return generations;
  }

  SplitOptions Options(const std::string& system) {
    SplitOptions options;
    options.plan = plan_;
    options.system = FindSystem(system);
    options.adapter = draw_.UniformInt(4) == 0 ? "random:1" : adapter_;
    options.medusa = "random:2";
    options.stages = 1 + draw_.UniformInt(model_.config.shape.layer_count() - plan_.split);
    options.devices = 1 + draw_.UniformInt(2);
    options.seed = draw_.NextBits();
    PolicyOptions& policy = options.system.options;
    policy.draft_threshold = std::vector{0.0, 0.1, 0.3, 0.6, 1.1}[draw_.UniformInt(5)];
    policy.max_draft = 1 + draw_.UniformInt(8);
    policy.ahead_branches = 1 + draw_.UniformInt(5);
    policy.chunk_min = 1;
    policy.chunk_max = 1 + draw_.UniformInt(12);
    policy.chunk_initial = policy.chunk_max;
    policy.chunk_fixed = 1 + draw_.UniformInt(8);
    policy.tree = TreeNames()[draw_.UniformInt(static_cast<int>(TreeNames().size()))];
    if (!options.system.drafts_trees) {
      options.system.chunking =
          ChunkingPolicyNames()[draw_.UniformInt(static_cast<int>(ChunkingPolicyNames().size()))];
      options.system.prefill_cut =
          std::vector<std::string>{"split", "fixed", "whole"}[draw_.UniformInt(3)];
      options.system.return_all_positions = draw_.UniformInt(4) == 0;
    }
    if (options.system.drafts_chains()) {
      options.system.drafter = DrafterNames()[draw_.UniformInt(3)];
    }
    if (options.system.draft_ahead) options.system.draft_ahead = draw_.UniformInt(4) != 0;
    return options;
  }

  // The laws of every run hold here too.
  std::vector<Generation> Run(SplitOptions options) {
    LawOptions law_options;
    law_options.system = options.system;
    law_options.hidden = model_.config.shape.hidden;
    law_options.devices = options.devices;
    law_options.stages = options.stages;
    law_options.ends_at_end_of_text = options.ends_at_end_of_text;
    law_options.tolerance = Seconds(1e-9);
    Laws laws(law_options);
    options.observer = &laws;
    std::vector<Generation> generations = SplitModel(model_, options).Generate(requests_);
    laws.Finish(false);
    EXPECT_THAT(laws.violations().kept(), testing::IsEmpty());
    return generations;
  }

 private:
  RngStream draw_;
  Model model_;
  SplitPlan plan_;
  std::vector<GenerationRequest> requests_;
  std::string adapter_;
};

TEST(LosslessTest, EverySystemSaysWhatTheWholeModelSays) {
  const TempFolder folder;
  Counts counts;
  for (uint64_t seed = 0; seed < 30; ++seed) {
    Trial trial(seed, kExact, folder.path());
    const std::vector<Generation> whole = trial.RunWhole();
    for (const char* system : {"u-shape", "u-sarathi", "hat", "hat", "hat", "u-medusa"}) {
      const SplitOptions options = trial.Options(system);
      const std::vector<Generation> split = trial.Run(options);
      ASSERT_EQ(split.size(), whole.size());
      for (size_t i = 0; i < whole.size(); ++i) {
        EXPECT_EQ(split[i].output_ids, whole[i].output_ids)
            << "seed " << seed << ", " << system << ", request " << i;
        EXPECT_EQ(static_cast<int>(split[i].output_ids.size()), trial.requests()[i].max_new_tokens);
        counts.Add(options.system, split[i]);
      }
    }
  }
  // All that could go wrong was tried.
  EXPECT_GT(counts.accepted, 100);
  EXPECT_GT(counts.rejected, 100);
  EXPECT_GT(counts.tree_accepted, 20);
  EXPECT_GT(counts.branches_kept, 20);
  EXPECT_GT(counts.branches_wasted, 20);
}

// The index of the first token that differs; -1: none.
int FirstDifference(const Generation& a, const Generation& b) {
  const auto [at, other] = std::ranges::mismatch(a.output_ids, b.output_ids);
  return at == a.output_ids.end() ? -1 : static_cast<int>(at - a.output_ids.begin());
}

bool ListsTie(const Generation& generation, int output_index) {
  return std::ranges::any_of(generation.near_ties, [&](const NearTie& tie) {
    return tie.decision == NearTie::Decision::kToken && tie.output_index == output_index;
  });
}

TEST(LosslessTest, InNarrowerDtypesTokensDifferOnlyAtListedNearTies) {
  const TempFolder folder;
  int requests = 0;
  int different = 0;
  for (const Dtype dtype : {Dtype::kFloat32, Dtype::kBfloat16}) {
    for (uint64_t seed = 100; seed < 115; ++seed) {
      Trial trial(seed, {dtype, "cpu"}, folder.path());
      const std::vector<Generation> whole = trial.RunWhole();
      for (const char* system : {"hat", "u-medusa"}) {
        const std::vector<Generation> split = trial.Run(trial.Options(system));
        for (size_t i = 0; i < whole.size(); ++i) {
          ++requests;
          const int at = FirstDifference(whole[i], split[i]);
          if (at < 0) continue;
          ++different;
          EXPECT_TRUE(ListsTie(whole[i], at) || ListsTie(split[i], at))
              << Name(dtype) << ", seed " << seed << ", " << system << ", token " << at;
        }
      }
    }
  }
  EXPECT_LT(different, requests / 4) << "of " << requests;
}

}  // namespace
}  // namespace hat
