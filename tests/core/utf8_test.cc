#include "core/utf8.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace hat {
namespace {

// The JSON library's writer is a checker that others wrote.
bool JsonTakes(const std::string& text) {
  try {
    (void)nlohmann::json(text).dump();
    return true;
  } catch (const nlohmann::json::exception&) {
    return false;
  }
}

// Where a rule begins or ends, and the neighbours.
constexpr unsigned char kEdges[] = {0x00, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF,
                                    0xC0, 0xC1, 0xC2, 0xDF, 0xE0, 0xE1, 0xEC, 0xED,
                                    0xEE, 0xEF, 0xF0, 0xF1, 0xF3, 0xF4, 0xF5, 0xFF};

void ExpectAsJson(const std::string& text) {
  ASSERT_EQ(IsUtf8(text), JsonTakes(text)) << testing::PrintToString(text);
}

TEST(Utf8Test, AgreesWithAnotherCheckerOnEveryPairOfBytes) {
  for (int first = 0; first < 256; ++first) {
    ExpectAsJson({static_cast<char>(first)});
    for (int second = 0; second < 256; ++second) {
      ExpectAsJson({static_cast<char>(first), static_cast<char>(second)});
    }
  }
}

TEST(Utf8Test, AgreesWithAnotherCheckerOnThreeAndFourBytesAtTheRulesEdges) {
  const auto bytes = [](auto... byte) { return std::string{static_cast<char>(byte)...}; };
  for (const unsigned char a : kEdges) {
    for (const unsigned char b : kEdges) {
      for (const unsigned char c : kEdges) {
        ExpectAsJson(bytes(a, b, c));
        if (a < 0xE0) continue;
        for (const unsigned char d : kEdges) ExpectAsJson(bytes(a, b, c, d));
      }
    }
  }
}

TEST(Utf8Test, KnowsTextsAndTheirEnds) {
  for (const char* text : {"", "plain", "n\xC3\xA4", "\xE2\x82\xAC", "\xF0\x9F\x8E\xA9 x"}) {
    EXPECT_TRUE(IsUtf8(text)) << text;
  }
  EXPECT_TRUE(IsUtf8(std::string(1, '\0')));
  for (const char* text : {"n\xC3", "\xE2\x82", "x\xF0\x9F\x8E", "\xED\xA0\x80", "\xC0\x80"}) {
    EXPECT_FALSE(IsUtf8(text)) << text;
  }
}

}  // namespace
}  // namespace hat
