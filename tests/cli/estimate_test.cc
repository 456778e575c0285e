// hat estimate: what it makes of a file's numbers.
#include <gmock/gmock.h>

#include "core/files.h"
#include "tests/core/program_run.h"

namespace hat {
namespace {

class EstimateProgramTest : public testing::Test {
 protected:
  ProgramRun Estimate(const std::string& numbers) {
    WriteFileAtomically(temp_ / "numbers", numbers);
    return RunProgram({HAT_BIN_DIR "/hat", "estimate", temp_ / "numbers"});
  }

  TempFolder temp_;
};

TEST_F(EstimateProgramTest, ALineOfNumbersMakesAMeanWithItsInterval) {
  const ProgramRun run = Estimate("1 2 3\n -5e-1\n4 4\t4 4");
  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_EQ(run.out, "2 2.48413771175\n-0.5 nan\n4 0\n");  // t(0.975, 2) / sqrt(3)
}

TEST_F(EstimateProgramTest, OtherTextIsRefusedWithItsLine) {
  for (const char* text : {"1 2\n1 two\n", "1 2\n1 nan\n", "1 2\n0x10\n"}) {
    ExpectRefusal(Estimate(text), "hat estimate: ", "numbers:2: '");
  }
  ExpectRefusal(Estimate("1\n\n"), "hat estimate: ", "numbers:2: no number");
  ExpectRefusal(Estimate(""), "hat estimate: ", "no number");
}

}  // namespace
}  // namespace hat
