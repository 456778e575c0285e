#include "cli/answer_pane.h"

#include <gmock/gmock.h>

namespace hat {
namespace {

using testing::ElementsAre;

TEST(AnswerPaneTest, ALineBreaksAtABlank) {
  EXPECT_THAT(PaneLines({{TextKind::kTarget, "the king said unto"}}, 10, 3),
              ElementsAre("the king  ", "said unto ", "          "));
}

TEST(AnswerPaneTest, AWordThatIsTooLongBreaksWhereItMust) {
  EXPECT_THAT(PaneLines({{TextKind::kTarget, "abcdefgh"}}, 5, 2), ElementsAre("abcde", "fgh  "));
}

TEST(AnswerPaneTest, ABlankThatHasNoPlaceIsLeftOut) {
  EXPECT_THAT(PaneLines({{TextKind::kTarget, "abcde fg"}}, 5, 2), ElementsAre("abcde", "fg   "));
}

TEST(AnswerPaneTest, TheLastLinesAreShown) {
  EXPECT_THAT(PaneLines({{TextKind::kTarget, "1\n2\n3"}}, 2, 2), ElementsAre("2 ", "3 "));
}

TEST(AnswerPaneTest, AWordOfSeveralPiecesStaysTogether) {
  EXPECT_THAT(PaneLines({{TextKind::kTarget, "to re"}, {TextKind::kKept, "joice"}}, 8, 2),
              ElementsAre("to      ", "re\x1b[32mjoice\x1b[0m "));
}

TEST(AnswerPaneTest, KindsHaveColours) {
  EXPECT_EQ(Coloured(TextKind::kPrompt, "x"), "\x1b[1mx\x1b[0m");
  EXPECT_EQ(Coloured(TextKind::kProposed, "x"), "\x1b[33mx\x1b[0m");
  EXPECT_EQ(Coloured(TextKind::kKept, "x"), "\x1b[32mx\x1b[0m");
  EXPECT_EQ(Coloured(TextKind::kDropped, "x"), "\x1b[9;90mx\x1b[0m");
  EXPECT_EQ(Coloured(TextKind::kTarget, "x"), "x");
}

TEST(AnswerPaneTest, ADraftedLineEndIsASignUntilItIsKept) {
  EXPECT_THAT(PaneLines({{TextKind::kDropped, "a\nb"}}, 4, 1),
              ElementsAre("\x1b[9;90ma↵b\x1b[0m "));
  EXPECT_THAT(PaneLines({{TextKind::kKept, "a\nb"}}, 1, 2),
              ElementsAre("\x1b[32ma\x1b[0m", "\x1b[32mb\x1b[0m"));
}

// What a model says could move the cursor.
TEST(AnswerPaneTest, ControlCharactersAreBlanks) {
  EXPECT_THAT(PaneLines({{TextKind::kTarget, "a\x1b[2Jb\rc\x7f"}}, 9, 1), ElementsAre("a [2Jb c "));
}

TEST(AnswerPaneTest, ACharacterOfSeveralBytesTakesOneColumn) {
  EXPECT_THAT(PaneLines({{TextKind::kTarget, "äöü€"}}, 3, 2), ElementsAre("äöü", "€  "));
}

TEST(AnswerPaneTest, NothingIsEmptyLines) {
  EXPECT_THAT(PaneLines({}, 2, 2), ElementsAre("  ", "  "));
}

}  // namespace
}  // namespace hat
