#include "experiments/traces/prompt_file.h"

#include <gmock/gmock.h>

#include "core/csv.h"
#include "core/files.h"
#include "tests/core/expect_error.h"

namespace hat {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

const PromptLimits kLimits = {100, 4};
const std::vector<Prompt> kPrompts = {{"manual", {1, 99, 0}}, {"verse-2", {5}}};

TEST(PromptFileTest, WhatIsWrittenIsReadBack) {
  const std::string text = PromptFileText(kPrompts);
  const PromptFile file = ParsePrompts(text, "p.csv", kLimits);
  EXPECT_EQ(file.prompts, kPrompts);
  EXPECT_EQ(file.sha256, Sha256Hex(text));
  EXPECT_THAT(file.Lengths(), ElementsAre(3, 1));
}

TEST(PromptFileTest, ItsLengthsAreAWorkload) {
  const CsvFile csv = CsvFile::Parse(PromptFileText(kPrompts), "p.csv");
  EXPECT_EQ(csv.Text(0, csv.ColumnIndex("prompt_tokens")), "3");
}

TEST(PromptFileTest, WhatDoesNotFitTheModelIsRefusedWithItsLine) {
  const auto parse = [](std::string from, const std::string& to) {
    std::string text = PromptFileText(kPrompts);
    const size_t at = text.find(from);
    ASSERT_NE(at, std::string::npos) << from;
    ParsePrompts(text.replace(at, from.size(), to), "p.csv", kLimits);
  };
  EXPECT_INPUT_ERROR(parse("1 99 0", "1 100 0"),
                     AllOf(HasSubstr("p.csv:2"), HasSubstr("holds 100"), HasSubstr("0 to 99")));
  EXPECT_INPUT_ERROR(parse("1 99 0", "1 -1 0"), HasSubstr("holds -1"));
  EXPECT_INPUT_ERROR(parse("1 99 0", "1 99"), HasSubstr("holds 2 ids, 'prompt_tokens' says 3"));
  EXPECT_INPUT_ERROR(parse("3,1 99 0", "5,1 2 3 4 5"), HasSubstr("1..4"));
  EXPECT_INPUT_ERROR(parse("1,5\n", "0,\n"), AllOf(HasSubstr("p.csv:3"), HasSubstr("1..4")));
  for (const char* ids : {"", "1 99 x", "1  99 0", " 1 99 0", "1 99 0 ", "1 99 99999999999"}) {
    EXPECT_INPUT_ERROR(parse("1 99 0", ids), AllOf(HasSubstr("p.csv:2"), HasSubstr("one space")));
  }
  EXPECT_INPUT_ERROR(parse("\n1,", "\n2,"), AllOf(HasSubstr("p.csv:3"), HasSubstr("'prompt_row'")));
  EXPECT_INPUT_ERROR(parse("manual", "man ual"), HasSubstr("'genre'"));
  EXPECT_INPUT_ERROR(parse("token_ids", "ids"), HasSubstr("token_ids"));
  EXPECT_INPUT_ERROR(ParsePrompts("prompt_row,genre,prompt_tokens,token_ids\n", "p.csv", kLimits),
                     HasSubstr("holds no prompt"));
}

TEST(PromptFileTest, AGenreThatWouldBreakTheFileIsNotWritten) {
  EXPECT_INPUT_ERROR(PromptFileText({{"a,b", {1}}}), HasSubstr("'a,b'"));
  EXPECT_INPUT_ERROR(PromptFileText({{"", {1}}}), HasSubstr("''"));
}

}  // namespace
}  // namespace hat
