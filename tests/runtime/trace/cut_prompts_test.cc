#include "runtime/trace/cut_prompts.h"

#include <gmock/gmock.h>

#include <set>

#include "core/files.h"
#include "tests/core/expect_error.h"
#include "tests/core/temp_folder.h"
#include "tests/runtime/tokenizer_file.h"

namespace hat {
namespace {

using testing::AnyOf;
using testing::HasSubstr;
using testing::StartsWith;

// A token a letter and space; lines that count.
class CutPromptsTest : public testing::Test {
 protected:
  CutPromptsTest() {
    WriteFileAtomically(folder_ / "tokenizer.model", TokenizerFileOfSize(300));
    for (int document = 0; document < 3; ++document) {
      std::string a, b;
      for (int line = 0; line < 40; ++line) {
        const std::string letter(1, static_cast<char>('a' + (document * 40 + line) % 26));
        a += "x" + letter + letter + letter + "\n" + (line % 5 == 0 ? "  \n" : "");
        b += "y" + letter + letter + "\n";
      }
      genres_[0].documents.push_back(a);
      genres_[1].documents.push_back(b);
    }
  }

  std::vector<Prompt> Cut(const PromptCut& cut) { return CutPrompts(genres_, tokenizer(), cut); }
  Tokenizer tokenizer() const { return Tokenizer(folder_ / "tokenizer.model", 300); }

  const TempFolder folder_;
  std::vector<GenreText> genres_ = {{"x", {}}, {"y", {}}};
};

TEST_F(CutPromptsTest, PromptsHaveTheWantedLengthsOfTheGenresByTurns) {
  const std::vector<int> lengths = {12, 30, 7, 60, 1, 25};
  const std::vector<Prompt> prompts = Cut({lengths, 1, 1});
  ASSERT_EQ(prompts.size(), lengths.size());
  for (size_t i = 0; i < prompts.size(); ++i) {
    EXPECT_EQ(prompts[i].ids.size(), static_cast<size_t>(lengths[i])) << i;
    EXPECT_EQ(prompts[i].genre, i % 2 == 0 ? "x" : "y");
    EXPECT_EQ(prompts[i].ids[0], 1);
  }
}

TEST_F(CutPromptsTest, EachBeginsAtALineThatIsNotBlankInAPlaceOfItsOwn) {
  const std::vector<Prompt> prompts = Cut({std::vector<int>(20, 10), -1, 1});
  std::set<std::vector<int32_t>> different;
  for (const Prompt& prompt : prompts) {
    EXPECT_THAT(tokenizer().Decode(prompt.ids), StartsWith(prompt.genre));
    different.insert(prompt.ids);
  }
  EXPECT_EQ(different.size(), prompts.size());
}

TEST_F(CutPromptsTest, TheSameSeedGivesTheSamePromptsAndAnotherSeedOthers) {
  const std::vector<int> lengths = {12, 30, 7, 60, 11, 25, 33, 9};
  EXPECT_EQ(Cut({lengths, 1, 1}), Cut({lengths, 1, 1}));
  EXPECT_NE(Cut({lengths, 1, 1}), Cut({lengths, 1, 2}));
}

TEST_F(CutPromptsTest, APromptGoesOnInTheNextDocument) {
  genres_ = {{"x", {"ab\n", "cd\n"}}};
  const std::vector<Prompt> prompts = Cut({{9}, 1, 1});
  const auto count = std::ranges::count(prompts[0].ids, 1);
  EXPECT_EQ(count, 2) << "a begin token in front of each document";
  EXPECT_THAT(tokenizer().Decode(prompts[0].ids), AnyOf(HasSubstr("cd"), HasSubstr("ab")));
}

// Lines "100", "101", ...: one that stands in two prompts is seen.
std::string Numbered(int first, int count, const std::string& before = "") {
  std::string text;
  for (int i = 0; i < count; ++i) text += before + std::to_string(first + i) + "\n";
  return text;
}

// The first document's lines are long for their 5 tokens, the second's short for their 4.
TEST_F(CutPromptsTest, NoLineStandsInTwoPromptsHoweverUnevenTheTextIs) {
  genres_ = {{"x", {Numbered(100, 40, "aaaaaaaa"), Numbered(200, 120)}}};
  const std::vector<std::string> pieces = {"aa", "aaaa", "aaaaaaaa"};
  WriteFileAtomically(folder_ / "tokenizer.model", TokenizerFile(pieces));
  const Tokenizer tokenizer(folder_ / "tokenizer.model", kPiecesBefore + 3);
  for (const int length : {10, 20, 24, 30}) {  // 20 of 30 fit side by side only
    for (const uint64_t seed : {1, 2, 3}) {
      std::vector<std::string> lines;  // that a prompt has to their end
      for (const Prompt& prompt :
           CutPrompts(genres_, tokenizer, {std::vector<int>(20, length), -1, seed})) {
        const std::string text = tokenizer.Decode(prompt.ids);
        size_t at = 0;
        for (size_t end; (end = text.find('\n', at)) != std::string::npos; at = end + 1) {
          lines.push_back(text.substr(at, end - at));
        }
      }
      EXPECT_GE(lines.size(), 20U);
      std::ranges::sort(lines);
      EXPECT_TRUE(std::ranges::adjacent_find(lines) == lines.end()) << length << " " << seed;
    }
  }
}

TEST_F(CutPromptsTest, TextForAllPromptsButOneIsTooLittle) {
  genres_ = {{"x", {Numbered(100, 60)}}};
  EXPECT_EQ(Cut({std::vector<int>(10, 24), -1, 1}).size(), 10U);  // of 240 bytes all
  EXPECT_INPUT_ERROR(Cut({std::vector<int>(11, 24), -1, 1}),
                     HasSubstr("'x' has too little text for its 11 prompts, 264 tokens"));
}

TEST_F(CutPromptsTest, TooLittleTextIsRefused) {
  genres_[1] = {"short", {"ab\n"}};
  EXPECT_INPUT_ERROR(Cut({{5, 50}, 1, 1}),
                     HasSubstr("'short' has too little text for its 1 prompts, 50 tokens"));
  genres_[1] = {"blank", {" \n\n"}};
  EXPECT_INPUT_ERROR(Cut({{5, 2}, 1, 1}), HasSubstr("'blank' holds blank lines only"));
}

}  // namespace
}  // namespace hat
