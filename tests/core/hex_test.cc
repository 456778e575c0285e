#include "core/hex.h"

#include <gmock/gmock.h>

namespace hat {
namespace {

using testing::Eq;
using testing::Optional;

TEST(HexTest, EveryByteComesBack) {
  std::string bytes;
  for (int value = 0; value < 256; ++value) bytes += static_cast<char>(value);
  const std::string hex = HexOf(bytes);
  EXPECT_EQ(hex.substr(0, 8), "00010203");
  EXPECT_EQ(hex.substr(hex.size() - 4), "feff");
  EXPECT_THAT(BytesOfHex(hex), Optional(bytes));
  EXPECT_THAT(BytesOfHex("0aFF"), Optional(std::string("\x0a\xff")));
}

TEST(HexTest, WhatIsNoPairsOfDigitsIsNothing) {
  for (const char* text : {"0", "0g", "-1", " 1", "0x", "00 "}) {
    EXPECT_THAT(BytesOfHex(text), Eq(std::nullopt)) << text;
  }
}

}  // namespace
}  // namespace hat
