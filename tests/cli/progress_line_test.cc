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

std::string SomeWords() { return "words"; }

TEST(ProgressLineTest, ElsewhereThanOnATerminalEachIsALineAndNothingIsWiped) {
  EXPECT_EQ(Written([] {
              ProgressLine line(std::chrono::seconds(0));
              line.Update({1, {}}, [] { return "1"; });
              line.Update({2, 2}, [] { return "2 of 2"; });
            }),
            "1\n2 of 2, 0 s left\n");
}

TEST(ProgressLineTest, NoTimeIsToldBeforeThisRunHasDoneAnything) {
  EXPECT_EQ(Written([] {
              ProgressLine line(std::chrono::seconds(0));
              line.Update({0, 10}, SomeWords);
              line.Update({0, 0}, SomeWords);
            }),
            "words\nwords\n");
  EXPECT_EQ(Written([] {
              ProgressLine line(std::chrono::seconds(0));
              line.Update({5, 10, true}, SomeWords);
              line.Update({10, 10, true}, SomeWords);
            }),
            "words\nwords, 0 s left\n");
}

TEST(ProgressLineTest, ALineIsWrittenAfterThePause) {
  const auto written = [](auto... pause) {
    return Written([&] { ProgressLine(pause...).Update({1, {}}, SomeWords); });
  };
  EXPECT_EQ(written(std::chrono::hours(1)), "");
  EXPECT_EQ(written(std::chrono::seconds(0)), "words\n");
  EXPECT_EQ(written(), "");
}

}  // namespace
}  // namespace hat
