// Files on their way to another machine and back: `cat` stands for the program there.
#include "runtime/serve/testbed/sent_files.h"

#include <gmock/gmock.h>

#include <filesystem>
#include <sstream>

#include "core/files.h"
#include "tests/core/expect_error.h"
#include "tests/core/temp_folder.h"

namespace hat {
namespace {

using testing::HasSubstr;

constexpr char kScenario[] = "experiments/measured/small_model.toml";

TEST(SentFilesTest, AScenarioFindsWhatItNamesWhereItArrives) {
  const TempFolder temp;
  const Scenario scenario = LoadScenario(kScenario);
  {
    TalkingChild cat("cat", {"sh", "-c", "cat >'" + temp / "sent" + "'"});
    SendInputs(scenario, "models/small/prompts.csv", cat);
  }
  std::istringstream text(ReadFile(temp / "sent"));
  ReceiveInputs(text, temp / "inputs");
  const Scenario there = LoadScenario(temp / ("inputs/" + SentName(kScenario)));
  EXPECT_EQ(there.resolved, scenario.resolved);
  EXPECT_EQ(ReadFile(there.cloud.profile_path), ReadFile(scenario.cloud.profile_path));
  EXPECT_EQ(ReadFile(temp / ("inputs/" + SentName("models/small/prompts.csv"))),
            ReadFile("models/small/prompts.csv"));
  EXPECT_FALSE(std::filesystem::exists(there.acceptance.trace_path)) << "nobody there needs it";
}

TEST(SentFilesTest, AFileStaysInItsFolder) {
  const TempFolder temp;
  for (const char* name : {"../escaped", "a/../../escaped", "/tmp/escaped"}) {
    std::istringstream text("file 1 " + std::string(name) + "\nx\nend\n");
    EXPECT_RUN_ERROR(ReceiveInputs(text, temp / "inputs"), HasSubstr("is no name for a file"));
  }
  for (const char* heading :
       {"", "file", "file x y", "file -1 a", "file 5000000000 a", "start 5"}) {
    std::istringstream text(std::string(heading) + "\n");
    EXPECT_RUN_ERROR(ReceiveInputs(text, temp / "inputs"), HasSubstr("expected a file, heard"));
  }
  std::istringstream cut("file 10 a\nx");
  EXPECT_RUN_ERROR(ReceiveInputs(cut, temp / "inputs"), HasSubstr("the controller has gone"));
  EXPECT_FALSE(std::filesystem::exists(temp / "inputs/a")) << "half a file";
}

TEST(SentFilesTest, WhatAPartHasLeftComesBackWhole) {
  const TempFolder temp;
  const PartFiles there{temp / "there"}, here{temp / "here"};
  WriteFileAtomically(there.events(), "{\"a\":1}\n{}\n");
  WriteFileAtomically(there.receipt(), "{}\n");
  WriteFileAtomically(there.lateness(), "");
  testing::internal::CaptureStdout();
  SendPart(there);
  WriteFileAtomically(temp / "sent", testing::internal::GetCapturedStdout());
  TalkingChild cat("the part", {"cat", temp / "sent"});
  ReceivePart(cat, here);
  EXPECT_EQ(ReadFile(here.events()), "{\"a\":1}\n{}\n");
  EXPECT_EQ(ReadFile(here.receipt()), "{}\n");
  EXPECT_EQ(ReadFile(here.lateness()), "");
  WriteFileAtomically(temp / "sent", "file 0 .other\n");
  TalkingChild other("the part", {"cat", temp / "sent"});
  EXPECT_RUN_ERROR(ReceivePart(other, here), HasSubstr("the part sends '.other'"));
}

}  // namespace
}  // namespace hat
