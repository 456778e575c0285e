// Cells of a plan, run one after the other in this process: results are kept only if they are those
// of the key.
#include "sim/cell_runner.h"

#include <gmock/gmock.h>

#include <filesystem>

#include "core/files.h"
#include "tests/core/expect_error.h"
#include "tests/sim/toy.h"

namespace hat {
namespace {

using testing::HasSubstr;

class CellRunnerTest : public testing::Test {
 protected:
  CellRunnerTest() : profile_(toy_ / "device.json"), text_(ReadFile(profile_)) {
    WriteFileAtomically(toy_ / "program", "1");
    cell_.scenario = toy_.scenario_path();
    toy_.Load();
  }

  std::string Key() { return CellInputs(program_).DigestOf(plan_, cell_); }
  void Run(CellRunner& runner, const std::string& key) {
    runner.Run(cell_, key, toy_ / ("results-" + std::to_string(++runs_)));
  }
  std::string Results() {
    return ReadFile(toy_ / ("results-" + std::to_string(runs_) + "/requests.csv"));
  }
  // The same to read, in other bytes.
  void ChangeProfile() { WriteFileAtomically(profile_, text_ + "\n"); }
  void ChangeProfileBack() { WriteFileAtomically(profile_, text_); }

  Toy toy_;
  const std::string profile_, text_;
  const std::vector<std::string> program_ = {toy_ / "program"};
  Plan plan_;
  Cell cell_;
  int runs_ = 0;
};

TEST_F(CellRunnerTest, WhatWasReadBeforeGivesTheSameResults) {
  CellRunner runner(plan_, program_);
  Run(runner, Key());
  const std::string results = Results();
  CellRunner prepared(plan_, program_);
  prepared.Prepare(cell_);
  Run(prepared, Key());
  EXPECT_EQ(Results(), results);
}

TEST_F(CellRunnerTest, AFileThatChangedSinceTheKeyWasMadeIsFound) {
  CellRunner runner(plan_, program_);
  const std::string key = Key();
  runner.Prepare(cell_);
  ChangeProfile();
  EXPECT_RUN_ERROR(Run(runner, key), HasSubstr("changed while the sweep ran"));
}

// Before and after the run it is what the key stands for.
TEST_F(CellRunnerTest, AFileThatWasAnotherOneWhenItWasReadIsFound) {
  CellRunner runner(plan_, program_);
  const std::string key = Key();
  ChangeProfile();
  runner.Prepare(cell_);
  ChangeProfileBack();
  EXPECT_RUN_ERROR(Run(runner, key), HasSubstr("changed while the sweep ran"));
}

TEST_F(CellRunnerTest, WhatIsWrongIsLeftToTheRun) {
  CellRunner runner(plan_, program_);
  const std::string key = Key();
  WriteFileAtomically(profile_, "{");
  runner.Prepare(cell_);
  EXPECT_INPUT_ERROR(Run(runner, key), HasSubstr("device.json"));
}

}  // namespace
}  // namespace hat
