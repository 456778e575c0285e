#include "core/csv.h"

#include <gmock/gmock.h>

#include "tests/core/expect_error.h"

namespace hat {
namespace {

using testing::AllOf, testing::HasSubstr, testing::StartsWith;

CsvFile Parse(const std::string& text) { return CsvFile::Parse(text, "t.csv"); }

TEST(CsvTest, ReadsQuotesCommasNewlinesAndCrLf) {
  const CsvFile file = Parse("\xef\xbb\xbfid,text\r\n1,\"a, \"\"b\"\"\nc\"\r\n\r\n2, d \n3,");
  ASSERT_EQ(file.rows(), 3);
  const int text = file.ColumnIndex("text");
  EXPECT_EQ(file.Text(0, text), "a, \"b\"\nc");
  EXPECT_EQ(file.Text(1, text), " d ");
  EXPECT_EQ(file.Text(2, text), "");
  EXPECT_EQ(file.Integer(2, file.ColumnIndex("id"), 1, 9), 3);
  EXPECT_TRUE(file.HasColumn("id"));
  EXPECT_FALSE(file.HasColumn("i"));
}

// A quoted newline and a blank line shift rows against lines.
TEST(CsvTest, ErrorsNameTheLineThatTheRowStartsIn) {
  const CsvFile file = Parse("n\n\"a\nb\"\n\nx\n");
  EXPECT_INPUT_ERROR(file.Number(0, 0, Range{}), StartsWith("t.csv:2: 'n' must be a number"));
  EXPECT_INPUT_ERROR(file.Number(1, 0, Range{}), StartsWith("t.csv:5: 'n' must be a number"));
}

TEST(CsvTest, NumbersAreCheckedForTypeAndRange) {
  for (const std::string bad : {"x", "nan", "inf", "1e308", "0", "-1", "1 ", " 1", "1x", "0x1"}) {
    const CsvFile file = Parse("a,rate\nq," + bad + "\n");
    EXPECT_INPUT_ERROR(file.Number(0, 1, Range::Positive()),
                       "t.csv:2: 'rate' must be a number > 0 and <= 1e+12, got '" + bad + "'");
  }
  for (const std::string bad : {"1.5", "0", "11", "11.0", "1.0x", "99999999999999999999"}) {
    const CsvFile file = Parse("a,n\nq," + bad + "\n");
    EXPECT_INPUT_ERROR(file.Integer(0, 1, 1, 10),
                       "t.csv:2: 'n' must be an integer in 1..10, got '" + bad + "'");
  }
  EXPECT_EQ(Parse("x\n2.5e-3").Number(0, 0, Range::Positive()), 2.5e-3);
}

// As pandas writes a column of integers that has a gap.
TEST(CsvTest, AnIntegerMayBeWrittenWithAPointAndAnEmptyCellIsCalledOne) {
  const CsvFile file = Parse("n,x\n20.0,1\n,\n\"\",2\n");
  EXPECT_EQ(file.Integer(0, 0, 1, 100), 20);
  EXPECT_INPUT_ERROR(file.Integer(1, 0, 1, 100),
                     "t.csv:3: 'n' is an empty cell; it must be an integer in 1..100");
  EXPECT_INPUT_ERROR(file.Number(1, 1, Range::Positive(5)),
                     "t.csv:3: 'x' is an empty cell; it must be a number > 0 and <= 5");
  EXPECT_INPUT_ERROR(file.Integer(2, 0, 1, 100), StartsWith("t.csv:4: 'n' is an empty cell"));
}

TEST(CsvTest, AnotherFormatIsNamedWithWhatIsWanted) {
  EXPECT_INPUT_ERROR(Parse("{\"n\": 1}\n{\"n\": 2}\n"),
                     AllOf(StartsWith("t.csv: looks like JSON lines; CSV is wanted: a header line"),
                           HasSubstr("commas")));
  EXPECT_INPUT_ERROR(Parse("[{\"n\": 1}]"), StartsWith("t.csv: looks like a JSON array"));
  EXPECT_INPUT_ERROR(Parse("\x1f\x8b\x08"), "t.csv: is compressed with gzip: unpack it first");
  EXPECT_INPUT_ERROR(Parse("PAR1\x15\x04").ColumnIndex("n"), HasSubstr("a Parquet file"));
  EXPECT_INPUT_ERROR(Parse("a\tn\n1\t2\n").ColumnIndex("n"),
                     StartsWith("t.csv: looks like columns with tabs between them; CSV is wanted"));
  EXPECT_INPUT_ERROR(Parse("a;n\n1,5;2\n"), HasSubstr("semicolons between them"));
  EXPECT_INPUT_ERROR(Parse("\"a\";\"n\"\n\"1\";\"2\"\n"), HasSubstr("semicolons"));
}

// The look of a file explains a failure; it is no failure itself.
TEST(CsvTest, AFileThatCanBeReadIsRead) {
  const CsvFile file = Parse("a;n\n5\n");
  EXPECT_EQ(file.Integer(0, file.ColumnIndex("a;n"), 1, 9), 5);
}

TEST(CsvTest, AMissingColumnListsThoseThereAre) {
  EXPECT_INPUT_ERROR(Parse("a, b\n1,2").ColumnIndex("b"),
                     "t.csv:1: there is no column 'b'; the columns are 'a', ' b'");
}

TEST(CsvTest, AMissingColumnIsOneThatAKeyCanName) {
  EXPECT_INPUT_ERROR(Parse("a,b\n1,2").ColumnIndex("n", "x.column"),
                     "t.csv:1: there is no column 'n'; the columns are 'a', 'b': name yours with "
                     "x.column");
}

// Cells lie one behind the other, shorter than the text that they are from.
TEST(CsvTest, CellsOfManyRowsKeepApart) {
  std::string text = "a,\"b\"\"\",c\r\n";
  for (int i = 0; i < 1000; ++i)
    text += std::to_string(i) + ",\"x\"\"," + std::string(i % 7, '"') + std::string(i % 7, '"') +
            "\",\r\n";
  const CsvFile file = Parse(text);
  ASSERT_EQ(file.rows(), 1000);
  EXPECT_EQ(file.columns(), (std::vector<std::string>{"a", "b\"", "c"}));
  for (int i = 0; i < 1000; ++i) {
    EXPECT_EQ(file.Integer(i, 0, 0, 1000), i);
    EXPECT_EQ(file.Text(i, 1), "x\"," + std::string(i % 7, '"'));
    EXPECT_EQ(file.Text(i, 2), "");
    EXPECT_EQ(file.Place(i), "t.csv:" + std::to_string(i + 2));
  }
}

TEST(CsvTest, TheFirstMistakeIsTheOneThatIsTold) {
  EXPECT_INPUT_ERROR(Parse("a,b\n1\nx\"y,2\n"), "t.csv:2: 1 fields, but the header has 2");
}

TEST(CsvTest, MalformedFilesAreErrors) {
  EXPECT_INPUT_ERROR(Parse(""), "t.csv: empty; a header line must come first");
  EXPECT_INPUT_ERROR(Parse("\n\n"), "t.csv: empty; a header line must come first");
  EXPECT_INPUT_ERROR(Parse("a,b\n1,2\n3\n"), "t.csv:3: 1 fields, but the header has 2");
  EXPECT_INPUT_ERROR(Parse("a,b\n1,2,3\n"), "t.csv:2: 3 fields, but the header has 2");
  EXPECT_INPUT_ERROR(Parse("a,a\n1,2\n"), "t.csv:1: two columns are named 'a'");
  EXPECT_INPUT_ERROR(Parse("a\n\"x\n"), "t.csv:2: a quoted field does not end");
  EXPECT_INPUT_ERROR(Parse("a\nx\"y\n"), StartsWith("t.csv:2: a quote inside a field"));
  EXPECT_INPUT_ERROR(Parse("a\n\"x\"y\n"), StartsWith("t.csv:2: a quote inside a field"));
  EXPECT_INPUT_ERROR(Parse("a\n\xff\n"), "t.csv:2: not valid UTF-8");
  EXPECT_INPUT_ERROR(CsvFile::Load("tests"), HasSubstr("cannot read 'tests': Is a directory"));
}

}  // namespace
}  // namespace hat
