#include "core/talking_child.h"

#include <gmock/gmock.h>

#include <csignal>

#include "tests/core/expect_error.h"

namespace hat {
namespace {

using testing::HasSubstr;

TalkingChild Shell(const std::string& script) { return {"the shell", {"sh", "-c", script}}; }

TEST(TalkingChildTest, LinesGoBothWays) {
  TalkingChild child = Shell("while read line; do echo \"got $line\"; done; echo bye");
  child.Say("one");
  EXPECT_EQ(child.Hear(10), "got one");
  EXPECT_FALSE(child.TryHear());
  child.Say("two");
  child.Say("three");
  EXPECT_EQ(child.Hear(10), "got two");
  EXPECT_EQ(child.Hear(10), "got three");
  EXPECT_FALSE(child.has_ended());
}

TEST(TalkingChildTest, WhatItSaidBeforeItEndedIsHeard) {
  TalkingChild child = Shell("echo last");
  EXPECT_EQ(child.Hear(10), "last");
  EXPECT_RUN_ERROR(child.Hear(10), HasSubstr("the shell ended with code 0"));
}

TEST(TalkingChildTest, OneThatFailsSaysWhy) {
  TalkingChild child = Shell("echo first >&2; echo 'no such model' >&2; exit 3");
  EXPECT_RUN_ERROR(child.Hear(10), HasSubstr("the shell: no such model"));
  EXPECT_EQ(child.exit_code(), 3);
}

TEST(TalkingChildTest, SilenceIsAnError) {
  TalkingChild child = Shell("read line");
  EXPECT_RUN_ERROR(child.Hear(0.05), HasSubstr("the shell said nothing for 0.05 s"));
}

TEST(TalkingChildTest, AKilledOneIsNoticed) {
  TalkingChild child = Shell("read line");
  child.Kill();
  EXPECT_RUN_ERROR(child.Hear(10), HasSubstr("ended by signal 9"));
}

TEST(TalkingChildTest, OneThatIsAskedToEndMayTidyUp) {
  TalkingChild child =
      Shell("trap 'echo tidied; exit 0' TERM; echo there; while :; do sleep 0.01; done");
  EXPECT_EQ(child.Hear(10), "there");
  child.Terminate();
  EXPECT_EQ(child.Hear(10), "tidied");
}

TEST(TalkingChildTest, AProgramThatIsNotThereIsAnError) {
  EXPECT_RUN_ERROR(TalkingChild("x", {"/no/such/program"}),
                   HasSubstr("cannot start '/no/such/program'"));
}

}  // namespace
}  // namespace hat
