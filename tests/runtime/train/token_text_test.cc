#include "runtime/train/token_text.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <numeric>
#include <set>
#include <string>
#include <vector>

#include "core/files.h"
#include "tests/core/expect_error.h"
#include "tests/core/temp_folder.h"
#include "tests/runtime/tokenizer_file.h"

namespace hat {
namespace {

class TokenTextTest : public testing::Test {
 protected:
  TokenTextTest() { WriteFileAtomically(folder_ / "tokenizer.model", TokenizerFileOfSize(300)); }
  TokenText Read(const std::string& path, int begin_token = 1) {
    return ReadTokenText(path, Tokenizer(folder_ / "tokenizer.model", 300), begin_token);
  }
  TempFolder folder_;
};

TokenText Counting(int tokens) {
  Genre genre{"counting", std::vector<int32_t>(tokens), {0}, 0};
  std::iota(genre.tokens.begin(), genre.tokens.end(), 0);
  return {{genre}};
}

TEST_F(TokenTextTest, AFormFeedLineEndsADocumentAndEachBeginsWithTheBeginToken) {
  WriteFileAtomically(folder_ / "two.txt", "ab\n\f\nc\fd\n");
  const TokenText text = Read(folder_ / "two.txt");
  ASSERT_EQ(text.genres.size(), 1u);
  const Genre& genre = text.genres[0];
  EXPECT_EQ(genre.name, "two");
  ASSERT_EQ(genre.documents.size(), 2u);
  for (const size_t start : genre.documents) EXPECT_EQ(genre.tokens[start], 1);
  EXPECT_EQ(genre.bytes, 3u + 4u);
  EXPECT_EQ(Read(folder_ / "two.txt", -1).TokenCount(), text.TokenCount() - 2);
}

// Pieces 1 and 2 are <s> and </s>.
TEST_F(TokenTextTest, NamesOfControlTokensAreTheseWhereItIsAskedFor) {
  WriteFileAtomically(folder_ / "talk.txt", "a</s>b");
  const Tokenizer tokenizer(folder_ / "tokenizer.model", 300);
  const auto ids = [&](bool finds_controls) {
    return ReadTokenText(folder_ / "talk.txt", tokenizer, -1, finds_controls).genres[0].tokens;
  };
  EXPECT_EQ(ids(true), tokenizer.EncodePrompt("a</s>b"));
  EXPECT_EQ(ids(false), tokenizer.Encode("a</s>b"));
  EXPECT_NE(ids(true), ids(false));
}

TEST_F(TokenTextTest, AFoldersTextFilesAreItsGenres) {
  std::filesystem::create_directory(folder_ / "text");
  WriteFileAtomically(folder_ / "text/b.txt", "b");
  WriteFileAtomically(folder_ / "text/a.txt", "a");
  WriteFileAtomically(folder_ / "text/notes.md", "no");
  const TokenText text = Read(folder_ / "text");
  ASSERT_EQ(text.genres.size(), 2u);
  EXPECT_EQ(text.genres[0].name, "a");
  EXPECT_EQ(text.genres[1].name, "b");
}

TEST_F(TokenTextTest, WhatIsNoTextIsRefused) {
  WriteFileAtomically(folder_ / "bad.txt", "\xff\xfe");
  EXPECT_INPUT_ERROR(Read(folder_ / "bad.txt"), testing::HasSubstr("is not UTF-8"));
  WriteFileAtomically(folder_ / "empty.txt", "\f\n");
  EXPECT_INPUT_ERROR(Read(folder_ / "empty.txt"), testing::HasSubstr("holds no text"));
  std::filesystem::create_directory(folder_ / "none");
  EXPECT_INPUT_ERROR(Read(folder_ / "none"), testing::HasSubstr("holds no *.txt file"));
  EXPECT_INPUT_ERROR(Read(folder_ / "absent.txt"), testing::HasSubstr("cannot read"));
}

TEST(SplitOffEndTest, TakesTheLastPartOfEveryGenre) {
  TokenText text = Counting(100);
  const TokenText end = SplitOffEnd(text, 20);
  EXPECT_EQ(text.genres[0].tokens.size(), 95u);
  EXPECT_EQ(end.genres[0].tokens, (std::vector<int32_t>{95, 96, 97, 98, 99}));
}

TEST(WindowSamplerTest, AnEpochDealsEachOfItsWindowsOnce) {
  const WindowSampler sampler(Counting(103), 5);
  const int64_t in_epoch = 102 / 10 - 1;
  for (const int64_t epoch : {0, 1, 2}) {
    std::set<int64_t> starts;
    for (int64_t i = 0; i < in_epoch; ++i) {
      const at::Tensor window = sampler.Window(epoch * in_epoch + i, 10);
      ASSERT_EQ(window.numel(), 11);
      EXPECT_EQ((window[10] - window[0]).item<int64_t>(), 10);
      starts.insert(window[0].item<int64_t>());
    }
    EXPECT_EQ(starts.size(), static_cast<size_t>(in_epoch));
    EXPECT_EQ(*starts.rbegin() - *starts.begin(), 10 * (in_epoch - 1));  // side by side
  }
}

TEST(WindowSamplerTest, AWindowDependsOnItsIndexAlone) {
  const WindowSampler first(Counting(500), 5), second(Counting(500), 5), other(Counting(500), 6);
  const at::Tensor batch = first.Batch(40, 30, 7);
  EXPECT_TRUE(second.Window(69, 7).equal(batch[29]));
  EXPECT_TRUE(second.Window(40, 7).equal(batch[0]));
  EXPECT_FALSE(other.Batch(40, 30, 7).equal(batch));
}

TEST(WindowSamplerTest, TooShortATextIsRefused) {
  EXPECT_INPUT_ERROR(WindowSampler(Counting(20), 1).CheckLength(10),
                     testing::HasSubstr("20 tokens, too few for windows of 10"));
  WindowSampler(Counting(21), 1).CheckLength(10);
  WindowSampler(Counting(21), 1).Window(3, 10);
}

TEST(SpreadWindowsTest, ReachFromTheFirstTokenToTheLast) {
  const TokenText text = Counting(100);
  const at::Tensor windows = SpreadWindows(text.genres[0], 3, 9);
  ASSERT_EQ(windows.size(0), 3);
  EXPECT_EQ(windows[0][0].item<int64_t>(), 0);
  EXPECT_EQ(windows[1][0].item<int64_t>(), 45);
  EXPECT_EQ(windows[2][9].item<int64_t>(), 99);
  EXPECT_EQ(SpreadWindows(text.genres[0], 50, 24).size(0), 4);
  EXPECT_EQ(SpreadWindows(text.genres[0], 50, 200).size(0), 0);
}

}  // namespace
}  // namespace hat
