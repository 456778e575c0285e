#include "runtime/tokenizer/tokenizer.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>

#include <fstream>

#include "tests/core/expect_error.h"
#include "tests/core/temp_folder.h"
#include "tests/runtime/tokenizer_file.h"

namespace hat {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

const std::string kSpace = "\xE2\x96\x81";

class TokenizerTest : public testing::Test {
 protected:
  Tokenizer Make(const std::vector<std::string>& pieces) {
    Write(TokenizerFile(pieces));
    return Tokenizer(path_, kPiecesBefore + static_cast<int>(pieces.size()));
  }
  void Write(const std::string& bytes) { std::ofstream(path_, std::ios::binary) << bytes; }

  TempFolder folder_;
  const std::string path_ = folder_ / "tokenizer.model";
};

std::vector<int32_t> Plus(std::vector<int32_t> ids) {
  for (int32_t& id : ids) id += kPiecesBefore;
  return ids;
}

TEST_F(TokenizerTest, MergesPiecesAndDecodesThemAgain) {
  const Tokenizer tokenizer = Make({kSpace + "a", "ab", kSpace, "a", "b"});
  EXPECT_EQ(tokenizer.Encode("a ab"), Plus({0, 0, 4}));
  EXPECT_EQ(tokenizer.Decode(tokenizer.Encode("a ab")), "a ab");
  EXPECT_THAT(tokenizer.Encode(""), ElementsAre());
}

TEST_F(TokenizerTest, WorksWhereLibtorchIsLoadedAndInUse) {
  const Tokenizer tokenizer = Make({kSpace, "a"});
  EXPECT_EQ(at::ones({2, 2}).sum().item<float>(), 4);
  EXPECT_EQ(tokenizer.Encode("a"), Plus({0, 1}));
  EXPECT_EQ(at::matmul(at::ones({2, 3}), at::ones({3, 2})).sum().item<float>(), 12);
}

TEST_F(TokenizerTest, UnknownCharactersBecomeTheirBytes) {
  const Tokenizer tokenizer = Make({kSpace, "a"});
  const std::vector<int32_t> ids = tokenizer.Encode("a\xE2\x82\xAC");  // the euro sign
  EXPECT_THAT(ids, ElementsAre(kPiecesBefore, kPiecesBefore + 1, 3 + 0xE2, 3 + 0x82, 3 + 0xAC));
  EXPECT_EQ(tokenizer.Decode(ids), "a\xE2\x82\xAC");
}

TEST_F(TokenizerTest, AnotherModelsTokenizerIsRefused) {
  Write(TokenizerFile({"a", "b"}));
  EXPECT_INPUT_ERROR(Tokenizer(path_, 260),
                     AllOf(HasSubstr(path_), HasSubstr("261 pieces, the model's vocabulary 260")));
}

// Pieces 1 and 2 are <s> and </s>. Each part begins with a space of its own, as in transformers.
TEST_F(TokenizerTest, NamesOfControlTokensInAPromptAreTheseTokens) {
  const Tokenizer tokenizer = Make({kSpace + "a", kSpace, "a", "<"});
  const int32_t a = kPiecesBefore;
  EXPECT_THAT(tokenizer.EncodePrompt("a</s>a<s>"), ElementsAre(a, 2, a, 1));
  EXPECT_THAT(tokenizer.EncodePrompt("</s></s>"), ElementsAre(2, 2));
  EXPECT_EQ(tokenizer.EncodePrompt("a< /s>"), tokenizer.Encode("a< /s>"));
  EXPECT_THAT(tokenizer.Encode("a</s>"), testing::Not(testing::Contains(2)));
  EXPECT_THAT(tokenizer.EncodePrompt(""), ElementsAre());
  EXPECT_INPUT_ERROR(tokenizer.EncodePrompt("a</s>\xFF"), HasSubstr("UTF-8"));
}

// Models are padded: to a multiple of 64, say.
TEST_F(TokenizerTest, RowsWithoutAPieceAreSilent) {
  Write(TokenizerFile({"a", "b"}));
  const Tokenizer tokenizer(path_, 300);
  EXPECT_EQ(tokenizer.vocabulary(), 300);
  EXPECT_EQ(tokenizer.Decode(Plus({0, 299 - kPiecesBefore, 1})), "ab");
  EXPECT_INPUT_ERROR(tokenizer.Decode(std::vector{300}), HasSubstr("0 to 299"));
}

TEST_F(TokenizerTest, WhatIsNoTokenizerIsRefused) {
  const std::string whole = TokenizerFile({"a", "b"});
  for (const std::string& bytes : {std::string(), std::string("{\"json\": 1}"),
                                   whole.substr(0, whole.size() / 2), std::string(1000, '\xFF')}) {
    Write(bytes);
    EXPECT_INPUT_ERROR(Tokenizer(path_, 261), HasSubstr(path_)) << bytes.size();
  }
  EXPECT_INPUT_ERROR(Tokenizer(folder_ / "missing", 3), HasSubstr("cannot read"));
}

TEST_F(TokenizerTest, TextThatIsNotUtf8AndIdsOutsideAreRefused) {
  const Tokenizer tokenizer = Make({"a"});
  EXPECT_INPUT_ERROR(tokenizer.Encode("a\xFF"), HasSubstr("UTF-8"));
  for (const int32_t id : {-1, 260, 1 << 30}) {
    EXPECT_INPUT_ERROR(tokenizer.Decode(std::vector{id}), HasSubstr("0 to 259")) << id;
  }
}

TEST_F(TokenizerTest, AStreamHoldsHalfACharacterBack) {
  const Tokenizer tokenizer = Make({kSpace, "a"});
  TextStream stream(tokenizer, tokenizer.Encode("a"));
  EXPECT_EQ(stream.Add(kPiecesBefore), " ") << "the text goes on, the space counts";
  EXPECT_EQ(stream.Add(3 + 0xE2), "");
  EXPECT_EQ(stream.Add(3 + 0x82), "");
  EXPECT_EQ(stream.Add(3 + 0xAC), "\xE2\x82\xAC");
  EXPECT_EQ(stream.Add(kPiecesBefore + 1), "a");
  EXPECT_EQ(stream.Add(3 + 0xE2), "");
  EXPECT_EQ(stream.Finish(), "\xEF\xBF\xBD");
}

}  // namespace
}  // namespace hat
