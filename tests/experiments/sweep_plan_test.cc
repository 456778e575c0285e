// Plans of sweeps: which cells they are, and what is refused.
#include "experiments/sweep/sweep_plan.h"

#include <gmock/gmock.h>

#include "core/files.h"
#include "tests/core/expect_error.h"
#include "tests/core/temp_folder.h"
#include "tests/experiments/scenario_text.h"

namespace hat {
namespace {

using testing::AllOf, testing::ElementsAre, testing::HasSubstr, testing::SizeIs;

class SweepPlanTest : public testing::Test {
 protected:
  SweepPlanTest() { WriteFileAtomically(temp_ / "small.toml", SmallScenarioText()); }

  SweepPlan Load(const std::string& text, const std::vector<std::string>& overrides = {}) {
    WriteFileAtomically(temp_ / "plan.toml", "scenario = \"small.toml\"\n" + text);
    return LoadSweepPlan(temp_ / "plan.toml", overrides);
  }

  TempFolder temp_;
};

TEST_F(SweepPlanTest, CellsAreTheProductOfSystemsAxesAndSeeds) {
  const SweepPlan plan = Load(R"(
systems = ["hat", "u-shape"]
seeds = 2
set = ["workload.requests=50"]
[[axis]]
key = "workload.rate_per_s"
values = [2, 4.5, 6]
)");
  EXPECT_EQ(plan.name, "plan");
  EXPECT_THAT(plan.axes, ElementsAre("system.name", "workload.rate_per_s", "seed"));
  ASSERT_THAT(plan.plan.cells, SizeIs(12));
  const Cell& cell = plan.plan.cells[3];
  EXPECT_EQ(cell.name, "hat, workload.rate_per_s = 4.5, seed 2");
  EXPECT_EQ(cell.seed, 2u);
  EXPECT_EQ(cell.scenario, temp_ / "small.toml");
  EXPECT_THAT(cell.overrides, ElementsAre("workload.requests=50", "system.name=\"hat\"",
                                          "workload.rate_per_s=4.5"));
  EXPECT_THAT(plan.values[3], ElementsAre("hat", "4.5", "2"));
  EXPECT_THAT(plan.values[11], ElementsAre("u-shape", "6", "2"));
}

TEST_F(SweepPlanTest, RangesAreEvenlySpacedOrTheirLogarithmsAre) {
  const auto values = [this](const std::string& axis) {
    std::vector<std::string> all;
    for (const auto& row : Load("[[axis]]\nkey = \"link.latency_ms\"\n" + axis).values) {
      all.push_back(row[0]);
    }
    return all;
  };
  EXPECT_THAT(values("from = 1\nto = 100\nsteps = 3"), ElementsAre("1", "50.5", "100"));
  EXPECT_THAT(values("from = 1\nto = 100\nsteps = 3\nscale = \"log\""),
              ElementsAre("1", "10", "100"));
  EXPECT_THAT(values("from = 0.3\nto = 0.1\nsteps = 3"), ElementsAre("0.3", "0.2", "0.1"));
}

TEST_F(SweepPlanTest, KeysOfOneAxisGoTogether) {
  const SweepPlan plan = Load(R"(
[[axis]]
keys = ["cloud.stages", "cloud.token_budget"]
rows = [[1, 256], [4, 512]]
)");
  EXPECT_THAT(plan.axes, ElementsAre("cloud.stages", "cloud.token_budget", "seed"));
  EXPECT_THAT(plan.values, ElementsAre(ElementsAre("1", "256", "1"), ElementsAre("4", "512", "1")));
}

TEST_F(SweepPlanTest, AnAxisMayBeForSomeChoicesAlone) {
  const SweepPlan plan = Load(R"(
systems = ["hat", "u-shape", "cloud-only"]
[[axis]]
key = "policy.max_draft"
values = [2, 4]
when = ["system.name=hat"]
[[axis]]
key = "link.latency_ms"
values = [1]
when = ["system.name=hat", "system.name=u-shape", "policy.max_draft=4"]
)");
  EXPECT_THAT(
      plan.values,
      ElementsAre(ElementsAre("hat", "2", "", "1"), ElementsAre("hat", "4", "1", "1"),
                  ElementsAre("u-shape", "", "", "1"), ElementsAre("cloud-only", "", "", "1")));
}

TEST_F(SweepPlanTest, SeveralScenariosAreAnAxisOfTheirOwn) {
  WriteFileAtomically(temp_ / "other.toml", "seed = 7\n" + SmallScenarioText());
  WriteFileAtomically(temp_ / "two.toml",
                      "scenarios = [\"small.toml\", \"other.toml\"]\nseeds = 2");
  const SweepPlan plan = LoadSweepPlan(temp_ / "two.toml");
  EXPECT_THAT(plan.values, ElementsAre(ElementsAre("small", "1"), ElementsAre("small", "2"),
                                       ElementsAre("other", "7"), ElementsAre("other", "8")));
  EXPECT_THAT(Load("seed_list = [5, 3]").values, ElementsAre(ElementsAre("5"), ElementsAre("3")));
}

TEST_F(SweepPlanTest, OverridesOfTheCallComeAfterThePlansOwn) {
  const SweepPlan plan =
      Load("set = [\"workload.requests=50\"]", {"workload.requests=5", "seed=4"});
  EXPECT_THAT(plan.plan.cells[0].overrides,
              ElementsAre("workload.requests=50", "workload.requests=5"));
  EXPECT_EQ(plan.plan.cells[0].seed, 4u);
}

TEST_F(SweepPlanTest, KeysOfAFileCanBeSet) {
  WriteFileAtomically(temp_ / "keys.toml", "[link]\nlatency_ms = 7\n");
  const SweepPlan plan = Load("set = [\"@keys.toml\", \"workload.requests=50\"]");
  EXPECT_THAT(plan.plan.cells[0].overrides,
              ElementsAre("link.latency_ms=7", "workload.requests=50"));
  EXPECT_THAT(plan.files, ElementsAre(temp_ / "keys.toml"));
  EXPECT_INPUT_ERROR(Load("set = [\"@none.toml\"]"), HasSubstr("none.toml"));
}

TEST_F(SweepPlanTest, WhatIsWrongIsNamedWithItsPlace) {
  const auto refuses = [this](const std::string& text, const std::string& problem) {
    EXPECT_INPUT_ERROR(Load(text), AllOf(HasSubstr("plan.toml"), HasSubstr(problem)));
  };
  refuses("sytems = [\"hat\"]", "unknown key 'sytems'; did you mean 'systems'");
  refuses("systems = []", "'systems' must name at least one");
  refuses("set = [\"a\"]", "must hold texts \"key=value\"");
  refuses("systems = [\"hat\", \"hat\"]", "has 'hat' twice");
  refuses("seed_list = [3, 3]", "has '3' twice");
  refuses("[[axis]]\nkey = \"a\"\nvalues = [1, 1]", "has '1' twice");
  refuses("[[axis]]\nname = \"b\"\nlabels = [\"x\\ny\"]\nkey = \"a\"\nvalues = [1]", "one line");
  refuses("[model]\nshape = 1", "unknown key 'model'");
  refuses("seeds = 0", "'seeds' must be an integer in 1..");
  refuses("seed_list = [1.5]", "must hold whole numbers");
  refuses("[[axis]]\nvalues = [1]", "'axis.0.key' is missing");
  refuses("[[axis]]\nkey = \"a\"", "'axis.0.values' is missing");
  refuses("[[axis]]\nkey = \"a\"\nvalues = []", "must have at least one value");
  refuses("[[axis]]\nkey = \"seed\"\nvalues = [1]", "for which the plan has 'seeds'");
  refuses("[[axis]]\nkey = \"a\"\nvalues = [1]\n[[axis]]\nkey = \"a\"\nvalues = [2]",
          "names 'a', which is chosen already");
  refuses("[[axis]]\nkeys = [\"a\", \"b\"]\nrows = [[1]]", "must have 2 values in each");
  refuses("[[axis]]\nkeys = [\"a\", \"b\"]\nrows = [1]", "must be an array of arrays");
  refuses("[[axis]]\nkey = \"a\"\nfrom = 0\nto = 1\nsteps = 2\nscale = \"log\"", "above 0");
  refuses("[[axis]]\nname = \"State\"\nlabels = [\"x\"]\nkey = \"a\"\nvalues = [1]",
          "a column of its own");
  refuses(
      "[[axis]]\nname = \"b\"\nlabels = [\"x\"]\nkey = \"a\"\nvalues = [1]\n[[axis]]\nkey = "
      "\"a\"\nvalues = [2]",
      "names 'a', which is chosen already");
  refuses("systems = [\"hat\"]\n[[axis]]\nkey = \"a\"\nvalues = [1]\nwhen = [\"system.name=hta\"]",
          "which is never chosen: there is hat");
  refuses("[[axis]]\nkey = \"a\"\nvalues = [1]\nwhen = [\"b=1\"]",
          "'axis.0.when' must be of the form");
}

TEST_F(SweepPlanTest, WhatThePlanChoosesIsNotSetBesideIt) {
  EXPECT_INPUT_ERROR(Load("systems = [\"hat\"]", {"system.name=u-shape"}),
                     HasSubstr("the plan chooses 'system.name' for each"));
}

}  // namespace
}  // namespace hat
