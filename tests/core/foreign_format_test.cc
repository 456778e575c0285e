#include "core/foreign_format.h"

#include <gmock/gmock.h>

namespace hat {
namespace {

using testing::HasSubstr;
using std::string_literals::operator""s;

TEST(ForeignFormatTest, BinaryFilesAreKnownByTheirFirstBytes) {
  EXPECT_THAT(BinaryFormat("\x1f\x8b\x08\x00"s), HasSubstr("gzip: unpack"));
  EXPECT_THAT(BinaryFormat("\x28\xb5\x2f\xfd\x04"s), HasSubstr("zstd: unpack"));
  EXPECT_THAT(BinaryFormat("\xfd"
                           "7zXZ\0\0\4"s),
              HasSubstr("xz: unpack"));
  EXPECT_THAT(BinaryFormat("PK\x03\x04\x14"s), HasSubstr("zip archive or a spreadsheet"));
  EXPECT_THAT(BinaryFormat("PAR1\x15\x04"s), HasSubstr("Parquet file: export"));
  EXPECT_THAT(BinaryFormat("SQLite format 3\0\x10"s), HasSubstr("SQLite"));
  EXPECT_THAT(BinaryFormat("\xff\xfe"
                           "a\0"s),
              HasSubstr("UTF-16: save it as UTF-8"));
  for (const std::string& text : {""s, "a,b\n"s, "\x1f"s,
                                  "\xef\xbb\xbf"
                                  "a"s}) {
    EXPECT_EQ(BinaryFormat(text), "");
  }
}

TEST(ForeignFormatTest, JsonIsKnownByHowItBegins) {
  EXPECT_EQ(JsonFormat("{\"a\": 1}\n{\"a\": 2}\n"), "JSON lines");
  EXPECT_EQ(JsonFormat("{\"a\": 1}"), "a JSON object");
  EXPECT_EQ(JsonFormat(" {\"a\": [\n1]}\n"), "a JSON object");
  EXPECT_EQ(JsonFormat("{\n  \"a\": 1\n}\n"), "a JSON object");
  EXPECT_EQ(JsonFormat("[{\"a\": 1}]"), "a JSON array");
  EXPECT_EQ(JsonFormat("[\n  1, 2]"), "a JSON array");
  for (const char* text :
       {"", " ", "{", "[", "a,b\n1,2\n", "[table]\na = 1\n", "[[table]]\n", "{a},b\n"}) {
    EXPECT_EQ(JsonFormat(text), "") << text;
  }
}

}  // namespace
}  // namespace hat
