#include "runtime/profile/journal.h"

#include <gmock/gmock.h>

#include <fstream>

#include "core/files.h"
#include "tests/core/expect_error.h"
#include "tests/core/temp_folder.h"

namespace hat {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

const Visit kFirst = {0, 7, {1.5, 2}};
const Visit kSecond = {0, 3, {0.1}};

TEST(JournalTest, WhatWasAddedIsReadBack) {
  const TempFolder folder;
  const std::string path = folder / "a.journal";
  {
    Journal journal(path, {"header", {}, {}});
    journal.AddReference(400.5);
    journal.Add(kFirst);
    journal.AddReference(410);
    journal.Add(kSecond);
  }
  const JournalContent content = ReadJournal(path);
  EXPECT_THAT(content.reference_us, ElementsAre(400.5, 410));
  EXPECT_EQ(content.header, "header");
  EXPECT_THAT(content.visits, ElementsAre(kFirst, kSecond));
}

TEST(JournalTest, ALineThatAKillToreIsDroppedAndTheNextRunGoesOnBehindTheWholeOnes) {
  const TempFolder folder;
  const std::string path = folder / "a.journal";
  std::ofstream(path) << "header\nreference 400\n0 7 1.5 2\n0 3 0.";
  const JournalContent content = ReadJournal(path);
  EXPECT_THAT(content.visits, ElementsAre(kFirst));
  {
    Journal journal(path, content);
    journal.Add(kSecond);
  }
  EXPECT_EQ(ReadFile(path), "header\nreference 400\n0 7 1.5 2\n0 3 0.1\n");
}

TEST(JournalTest, WhatIsNoJournalIsRefusedWithItsLine) {
  const TempFolder folder;
  const std::string path = folder / "a.journal";
  EXPECT_INPUT_ERROR(ReadJournal(path), HasSubstr("a.journal"));
  std::ofstream(path) << "no end of a line";
  EXPECT_INPUT_ERROR(ReadJournal(path), HasSubstr("is no journal"));
  for (const char* line : {"x", "reference", "reference 1 2", "reference x", "0 7", "0 7 1.5x",
                           "0 -7 1.5", "0 7 nan", ""}) {
    std::ofstream(path) << "header\n0 7 1.5\n" << line << "\n";
    EXPECT_INPUT_ERROR(ReadJournal(path), HasSubstr("line 3"));
  }
}

TEST(JournalTest, IsGoneWhenItIsNotNeededAnyMore) {
  const TempFolder folder;
  Journal journal(folder / "a.journal", {"header", {}, {}});
  journal.Remove();
  EXPECT_THAT(folder.List(), ElementsAre());
}

}  // namespace
}  // namespace hat
