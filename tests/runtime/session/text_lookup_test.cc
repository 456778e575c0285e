#include "runtime/session/text_lookup.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "core/random.h"

namespace hat {
namespace {

std::vector<int> Found(const std::vector<int32_t>& text) {
  const auto followed = FollowedBefore(text);
  if (!followed) return {};
  return {followed->token, followed->matched};
}

TEST(TextLookupTest, WhatFollowedTheLastTokensByHand) {
  using Ints = std::vector<int>;
  EXPECT_EQ(Found({}), Ints{});
  EXPECT_EQ(Found({7}), Ints{});
  EXPECT_EQ(Found({1, 2, 3}), Ints{});
  EXPECT_EQ(Found({1, 2, 3, 1}), (Ints{2, 1}));
  EXPECT_EQ(Found({1, 2, 3, 1, 2}), (Ints{3, 2}));
  EXPECT_EQ(Found({5, 5}), (Ints{5, 1}));  // the one before it is followed by itself
  EXPECT_EQ(Found({1, 2, 8, 1, 2, 9, 1, 2}), (Ints{9, 2}));  // the latest of equals
  EXPECT_EQ(Found({1, 2, 8, 3, 2, 9, 1, 2}), (Ints{8, 2}));  // the longer one before the later
}

TEST(TextLookupTest, NoMoreThanItsMostTokensAreCompared) {
  std::vector<int32_t> text;
  for (int round = 0; round < 2; ++round) {
    for (int32_t token = 0; token < 20; ++token) text.push_back(token);
  }
  EXPECT_EQ(Found(text), (std::vector<int>{0, kLongestMatch}));
}

// Every place is looked at, each by its own words.
TEST(TextLookupTest, EqualsASearchOfAllPlaces) {
  RngStream draw(1, "lookup");
  int found = 0;
  for (int trial = 0; trial < 500; ++trial) {
    std::vector<int32_t> text;
    for (int i = 0; i <= draw.UniformInt(40); ++i) text.push_back(draw.UniformInt(3));
    std::vector<int> best;
    for (size_t length = 1; length < text.size() && length <= kLongestMatch; ++length) {
      for (size_t start = 0; start + length < text.size(); ++start) {
        const auto at = text.begin() + static_cast<ptrdiff_t>(start);
        const auto size = static_cast<ptrdiff_t>(length);
        if (std::equal(at, at + size, text.end() - size)) {
          best = {text[start + length], static_cast<int>(length)};
        }
      }
    }
    EXPECT_EQ(Found(text), best) << trial;
    found += !best.empty();
  }
  EXPECT_GT(found, 300);
}

TEST(TextLookupTest, ItIsSurerTheMoreMatched) {
  EXPECT_EQ(LookupConfidence({}), 0);
  EXPECT_EQ(LookupConfidence(Followed{3, 1}), 0.5f);
  EXPECT_EQ(LookupConfidence(Followed{3, 4}), 0.8f);
}

}  // namespace
}  // namespace hat
