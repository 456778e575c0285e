#include "core/decimal.h"

#include <gmock/gmock.h>

namespace hat {
namespace {

TEST(DecimalTest, AnIntegerMayBeWrittenWithAPointAndZeros) {
  EXPECT_EQ(ParseInteger("20"), 20);
  EXPECT_EQ(ParseInteger("-3"), -3);
  EXPECT_EQ(ParseInteger("20.0"), 20);
  EXPECT_EQ(ParseInteger("20.000"), 20);
  EXPECT_EQ(ParseInteger("2e1"), 20);
  EXPECT_EQ(ParseInteger("9223372036854775807"), INT64_MAX);
  EXPECT_EQ(ParseInteger("9007199254740992.0"), int64_t{1} << 53);
}

TEST(DecimalTest, WhatIsNoIntegerOrMayBeSeveralIsNothing) {
  for (const char* text : {"", "x", "20.5", "20.0x", " 20", "20 ", "+20", "nan", "inf", "1e308",
                           "0x14", "9223372036854775808", "9007199254740994.0"}) {
    EXPECT_EQ(ParseInteger(text), std::nullopt) << text;
  }
  EXPECT_EQ(WholeNumber(-0.5), std::nullopt);
  EXPECT_EQ(WholeNumber(-20), -20);
}

}  // namespace
}  // namespace hat
