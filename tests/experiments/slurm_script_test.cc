#include "experiments/sweep/slurm_script.h"

#include <gmock/gmock.h>

#include <cstdlib>

#include "core/files.h"
#include "tests/core/expect_error.h"

namespace hat {
namespace {

using testing::HasSubstr;

SlurmScriptOptions ScriptOptions() {
  return {.program = "/opt/hat/bin/hat",
          .plan = "/home/me/a plan.toml",
          .folder = "/home/me/it's 100% mine",
          .overrides = {"workload.requests=50"},
          .tasks = 12,
          .cpus = 4,
          .time = "0:30:00",
          .partitions = {"short", "long"},
          .extra = {"--account=\"my project\""}};
}

// shellcheck reads the file too (tests/script).
TEST(SlurmScriptTest, IsTheGoldenText) {
  constexpr char kGolden[] = "tests/golden/sweep.sbatch";
  const std::string script = SlurmScript(ScriptOptions());
  if (std::getenv("HAT_UPDATE_GOLDEN") != nullptr) WriteFileAtomically(kGolden, script);
  EXPECT_EQ(ReadFile(kGolden), script) << "if the change is meant: HAT_UPDATE_GOLDEN=1";
}

TEST(SlurmScriptTest, WithoutPartitionsTheSiteChooses) {
  SlurmScriptOptions options = ScriptOptions();
  options.partitions.clear();
  EXPECT_THAT(SlurmScript(options), testing::Not(HasSubstr("--partition")));
}

TEST(SlurmScriptTest, WhatNoScriptCanHoldIsRefused) {
  SlurmScriptOptions options = ScriptOptions();
  options.extra = {"--account=a\nrm -r ~"};
  EXPECT_INPUT_ERROR(SlurmScript(options), HasSubstr("line break"));
  options = ScriptOptions();
  options.plan = "a\nb";
  EXPECT_INPUT_ERROR(SlurmScript(options), HasSubstr("line break"));
  options = ScriptOptions();
  options.folder = "/a\\b";
  EXPECT_INPUT_ERROR(SlurmScript(options), HasSubstr("backslash"));
}

TEST(SlurmTasksTest, EachTakesAboutWhatIsWanted) {
  EXPECT_EQ(SlurmTasks(1000, Seconds(3), Seconds(600), 1, 1001), 5);
  EXPECT_EQ(SlurmTasks(1000, Seconds(3), Seconds(600), 2, 1001), 3);  // 2.5 of them
  EXPECT_EQ(SlurmTasks(10, Seconds(1e-3), Seconds(600), 1, 1001), 1);
}

TEST(SlurmTasksTest, ThereAreNoMoreThanRunsOrThanTheSiteAllows) {
  EXPECT_EQ(SlurmTasks(7, Seconds(1e6), Seconds(600), 1, 1001), 7);
  EXPECT_EQ(SlurmTasks(1'000'000, Seconds(60), Seconds(600), 1, 1001), 1000);
  EXPECT_EQ(SlurmTasks(1'000'000, Seconds(60), Seconds(600), 1, 2), 1);
}

}  // namespace
}  // namespace hat
