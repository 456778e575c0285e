// A cell as a command.
#include <gtest/gtest.h>

#include "experiments/plan/plan.h"

namespace hat {
namespace {

TEST(PlanTest, CommandsAreForAShell) {
  Plan plan;
  plan.arguments = {"--check"};
  const Cell cell{.name = "hat, seed 3",
                  .folder = "",
                  .scenario = "my.toml",
                  .overrides = {"system.name=hat", "fleet.class=[{name=\"it's\", count=1}]"},
                  .seed = 3};
  EXPECT_EQ(CommandOf(plan, cell),
            "hat simulate my.toml --set system.name=hat --set "
            "'fleet.class=[{name=\"it'\\''s\", count=1}]' --seed 3 --check");
}

}  // namespace
}  // namespace hat
