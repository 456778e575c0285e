// Pages of Markdown whose tables are written by commands.
#include "experiments/report/page_tables.h"

#include <gmock/gmock.h>

#include "tests/core/expect_error.h"

namespace hat {
namespace {

using testing::ElementsAre, testing::HasSubstr;

constexpr const char* kPage =
    "# Ours\n\n<!-- table: a -->\n| old |\n<!-- end -->\nWords.\n<!-- a note -->\n"
    "<!-- errors: a b.toml -->\n<!-- end -->\n<!-- table: ../c.md#what-was-found -->\n| c |\n"
    "<!-- end -->\nThe end";

TEST(PageTablesTest, SlotsAreFilledAndTheRestStays) {
  const std::vector<PageSlot> slots = SlotsOf(kPage, "p.md");
  ASSERT_THAT(slots, testing::SizeIs(3));
  EXPECT_THAT(slots[0].names, ElementsAre("a"));
  EXPECT_EQ(slots[0].where, "p.md:3");
  EXPECT_EQ(slots[1].kind, PageSlot::Kind::kErrors);
  EXPECT_THAT(slots[1].names, ElementsAre("a", "b.toml"));
  EXPECT_EQ(slots[2].kind, PageSlot::Kind::kOtherPage);
  EXPECT_THAT(slots[2].names, ElementsAre("../c.md"));
  EXPECT_EQ(slots[2].anchor, "what-was-found");
  EXPECT_EQ(Filled(kPage, slots, {"", "", ""}), kPage);
  EXPECT_EQ(Filled(kPage, slots, {"| new |\n", "| e |\n", ""}),
            "# Ours\n\n<!-- table: a -->\n| new |\n<!-- end -->\nWords.\n<!-- a note -->\n"
            "<!-- errors: a b.toml -->\n| e |\n<!-- end -->\n<!-- table: "
            "../c.md#what-was-found -->\n| c |\n<!-- end -->\nThe end");
}

TEST(PageTablesTest, MistakesNameTheLine) {
  const auto refuses = [](const std::string& text, const std::string& problem) {
    EXPECT_INPUT_ERROR(SlotsOf(text, "p.md"), HasSubstr(problem));
  };
  refuses("words\n", "p.md: has no line '<!-- table: NAME -->'");
  refuses("\n<!-- table: a -->\n", "p.md:2: the table has no '<!-- end -->' after it");
  refuses("<!-- table: a -->\n<!-- table: b -->\n<!-- end -->\n", "p.md:1: the table has no");
  refuses("<!-- end -->\n", "p.md:1: '<!-- end -->' of no table");
  refuses("<!-- table: -->\n<!-- end -->\n", "p.md:1: must be '<!-- table: NAME -->'");
  refuses("<!-- table: a b -->\n<!-- end -->\n", "p.md:1: must be '<!-- table: NAME -->'");
}

TEST(PageTablesTest, ATableOfAnotherPageIsTheFirstUnderItsHeading) {
  const std::string other =
      "# Found\n| 0 |\n\n## What was found\n\nWords.\n\n| 1 |\n|---|\n\n| 2 |\n## Empty\n";
  EXPECT_EQ(TableUnder("what-was-found", other, "c.md"), "| 1 |\n|---|\n");
  EXPECT_EQ(TableUnder("found", other, "c.md"), "| 0 |\n");
  EXPECT_INPUT_ERROR(TableUnder("empty", other, "c.md"),
                     HasSubstr("c.md: no table stands under '#empty'"));
  EXPECT_INPUT_ERROR(TableUnder("lost", other, "c.md"),
                     HasSubstr("c.md: has no heading '#lost'; there are #found, #what-was-found"));
}

}  // namespace
}  // namespace hat
