#include "cli/progress_line.h"

#include <gtest/gtest.h>

namespace hat {
namespace {

// What it writes where stderr is no terminal.
template <typename Work>
std::string Written(const Work& work) {
  testing::internal::CaptureStderr();
  work();
  return testing::internal::GetCapturedStderr();
}

TEST(ProgressLineTest, ElsewhereThanOnATerminalEachIsALineAndNothingIsWiped) {
  EXPECT_EQ(Written([] {
              ProgressLine line(std::chrono::seconds(60));
              line.Show("1 of 2", std::nullopt);
              line.Show("2 of 2", 1);
            }),
            "1 of 2\n2 of 2, 0 s left\n");
}

TEST(ProgressLineTest, NoTimeIsToldBeforeAnythingIsDone) {
  EXPECT_EQ(Written([] {
              ProgressLine line(std::chrono::seconds(60));
              line.Show("none", 0);
              line.BeginAt(0.5);
              line.Show("what an earlier run did", 0.5);
            }),
            "none\nwhat an earlier run did\n");
}

TEST(ProgressLineTest, ALineIsDueAfterThePause) {
  Written([] {
    EXPECT_FALSE(ProgressLine(std::chrono::hours(1)).IsDue());
    EXPECT_TRUE(ProgressLine(std::chrono::seconds(0)).IsDue());
    EXPECT_FALSE(ProgressLine().IsDue());
  });
}

}  // namespace
}  // namespace hat
