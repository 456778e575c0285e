#include "core/terminal_text.h"

#include <gtest/gtest.h>

namespace hat {
namespace {

TEST(TerminalTextTest, AParagraphBreaksAtBlanksBelowItsLabel) {
  const std::string forty(40, 'a');
  EXPECT_EQ(Paragraph("note  ", "short"), "note  short\n");
  EXPECT_EQ(Paragraph("note  ", forty + " " + std::string(33, 'b')),
            "note  " + forty + " " + std::string(33, 'b') + "\n");
  EXPECT_EQ(Paragraph("note  ", forty + " " + std::string(34, 'b') + " c"),
            "note  " + forty + "\n      " + std::string(34, 'b') + " c\n");
}

TEST(TerminalTextTest, ALongWordStandsAlone) {
  const std::string path(100, 'p');
  EXPECT_EQ(Paragraph("", "in " + path + " it is"), "in\n" + path + "\nit is\n");
  EXPECT_EQ(Paragraph("at ", path), "at " + path + "\n");
}

TEST(TerminalTextTest, CharactersCountNotBytes) {
  EXPECT_EQ(ColumnsOf("1 ± 2"), 5u);
  EXPECT_EQ(Paragraph("", std::string(38, 'x') + " ± " + std::string(39, 'y')),
            std::string(38, 'x') + " ± " + std::string(39, 'y') + "\n");
}

TEST(TerminalTextTest, OneIsNotMany) {
  EXPECT_EQ(Counted(1, "device"), "1 device");
  EXPECT_EQ(Counted(0, "device"), "0 devices");
  EXPECT_EQ(Counted(12, "seed"), "12 seeds");
}

TEST(TerminalTextTest, ATablesColumnsAreAsWideAsTheirWidestCell) {
  const std::string table =
      AlignedTable({{"", "ms"}, {"long name", "1 ± 2", "x"}, {"b", "", ""}, {}});
  EXPECT_EQ(table,
            "              ms\n"
            "long name  1 ± 2  x\n"
            "b\n"
            "\n");
  EXPECT_EQ(ColumnsOfTable(table), 19u);
}

}  // namespace
}  // namespace hat
