// What a tokenizer.json is read as, and what is refused; tokenizers_test.py holds the ids against
// the library's.
#include <gmock/gmock.h>

#include <nlohmann/json.hpp>
#include <string>

#include "core/files.h"
#include "runtime/tokenizer/tokenizer.h"
#include "tests/core/expect_error.h"
#include "tests/core/temp_folder.h"
#include "tests/runtime/tokenizer_file.h"

namespace hat {
namespace {

using nlohmann::json;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

// Byte-level: a, b, ab, a space, half of a character; <s> is a control token, <x> is not.
json Small() {
  return json::parse(R"({
    "added_tokens": [
      {"id": 6, "content": "<s>", "special": true, "normalized": false},
      {"id": 7, "content": "<x>", "special": false, "normalized": false}],
    "normalizer": null,
    "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false, "use_regex": true},
    "post_processor": null,
    "decoder": {"type": "ByteLevel"},
    "model": {"type": "BPE", "vocab": {"a": 0, "b": 1, "ab": 2, "\u0120": 3, "\u00e2": 4, "c": 5},
              "merges": ["a b"]}})");
}

class TokenizerJsonTest : public testing::Test {
 protected:
  Tokenizer Make(const json& document) {
    WriteFileAtomically(path_, document.dump());
    return Tokenizer(path_, 10);
  }

  TempFolder folder_;
  const std::string path_ = folder_ / "tokenizer.json";
};

TEST_F(TokenizerJsonTest, MergesAndDecodes) {
  const Tokenizer tokenizer = Make(Small());
  EXPECT_EQ(tokenizer.kind(), "byte-pair encoding");
  EXPECT_EQ(tokenizer.pieces(), 8);
  EXPECT_THAT(tokenizer.Encode("ab a"), ElementsAre(2, 3, 0));
  EXPECT_EQ(tokenizer.Decode(tokenizer.Encode("ab a")), "ab a");
  EXPECT_THAT(tokenizer.Encode(""), ElementsAre());
  EXPECT_EQ(tokenizer.Decode(std::vector{4, 9, 0}),
            "\xEF\xBF\xBD"
            "a")
      << "E2, then none, then a";
}

TEST_F(TokenizerJsonTest, ControlTokensAreFoundInPromptsAndSilentInAnswers) {
  const Tokenizer tokenizer = Make(Small());
  EXPECT_THAT(tokenizer.EncodePrompt("a<s>b<x>"), ElementsAre(0, 6, 1, 7));
  EXPECT_THAT(tokenizer.Encode("a<s>b<x>"), ElementsAre(0, 1, 7)) << "< and > are no pieces";
  EXPECT_EQ(tokenizer.Decode(std::vector{0, 6, 7, 1}), "a<x>b");
}

TEST_F(TokenizerJsonTest, AddedTokensTakeTheSpaceThatTheySayTheyTake) {
  json document = Small();
  document["added_tokens"][1]["lstrip"] = true;
  EXPECT_THAT(Make(document).Encode("a  <x> b"), ElementsAre(0, 7, 3, 1));
  document["added_tokens"][1]["rstrip"] = true;
  EXPECT_THAT(Make(document).Encode("a  <x>\t b"), ElementsAre(0, 7, 1));
}

TEST_F(TokenizerJsonTest, TheBeginTokenIsTheTemplates) {
  EXPECT_EQ(Make(Small()).BeginToken(3), -1) << "a file without a template puts none";
  json document = Small();
  document["post_processor"] = json::parse(
      R"({"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}},
          {"Sequence": {"id": "A", "type_id": 0}}], "special_tokens": {"<s>": {"ids": [6]}}})");
  EXPECT_EQ(Make(document).BeginToken(3), 6);
  json& single = document["post_processor"]["single"];
  single = {single[1], single[0]};
  EXPECT_INPUT_ERROR(Make(document), HasSubstr("none behind it"));
  WriteFileAtomically(folder_ / "tokenizer.model", TokenizerFile({"a"}));
  EXPECT_EQ(Tokenizer(folder_ / "tokenizer.model", 0).BeginToken(3), 3) << "the config's";
}

TEST_F(TokenizerJsonTest, TheFileOfTransformersComesFirstWhereItCanBeRead) {
  EXPECT_EQ(FindTokenizerFile(folder_.path()), "");
  EXPECT_INPUT_ERROR(TokenizerFileOr("", folder_.path()), HasSubstr("neither"));
  WriteFileAtomically(folder_ / "tokenizer.model", TokenizerFile({"a"}));
  EXPECT_EQ(FindTokenizerFile(folder_.path()), folder_ / "tokenizer.model");
  Make(Small());
  EXPECT_EQ(FindTokenizerFile(folder_.path()), path_);
  json document = Small();
  document["model"]["type"] = "Unigram";
  WriteFileAtomically(path_, document.dump());
  EXPECT_EQ(FindTokenizerFile(folder_.path()), folder_ / "tokenizer.model");
}

struct BadTokenizer {
  std::string name, patch, message;
};
class BadTokenizerTest : public TokenizerJsonTest,
                         public testing::WithParamInterface<BadTokenizer> {};

TEST_P(BadTokenizerTest, IsRefused) {
  json document = Small();
  document.merge_patch(json::parse(GetParam().patch));
  EXPECT_INPUT_ERROR(Make(document), AllOf(HasSubstr(path_), HasSubstr(GetParam().message)));
}

INSTANTIATE_TEST_SUITE_P(
    Table, BadTokenizerTest,
    testing::Values(
        BadTokenizer{"Model", R"({"model": {"type": "WordPiece"}})", "must be one of BPE"},
        BadTokenizer{"PreTokenizer", R"({"pre_tokenizer": {"type": "BertPreTokenizer"}})",
                     "'pre_tokenizer.type' must be one of ByteLevel"},
        BadTokenizer{"Normalizer", R"({"normalizer": {"type": "Lowercase"}})", "Lowercase"},
        BadTokenizer{"Decoder", R"({"decoder": {"type": "WordPiece"}})", "WordPiece"},
        BadTokenizer{"Pattern",
                     R"({"pre_tokenizer": {"type": "Split", "behavior": "Isolated",
                         "pattern": {"Regex": "(a"}}})",
                     "the pattern '(a' cannot be read: missing closing parenthesis"},
        BadTokenizer{"Behavior",
                     R"({"pre_tokenizer": {"type": "Split", "behavior": "MergedWithNext",
                         "pattern": {"Regex": "a"}}})",
                     "'pre_tokenizer.behavior'"},
        BadTokenizer{"Merge", R"({"model": {"merges": ["a c"]}})", "\"ac\", which is no piece"},
        BadTokenizer{"MergeOfThree", R"({"model": {"merges": ["a b c"]}})", "two parts"},
        BadTokenizer{"TwiceTheId", R"({"model": {"vocab": {"z": 0}}})", "has the id of \"a\""},
        BadTokenizer{"NegativeId", R"({"model": {"vocab": {"z": -1}}})", "'model.vocab.z'"},
        BadTokenizer{"Unknown", R"({"model": {"unk_token": "<unk>"}})", "must be a piece"},
        BadTokenizer{"Dropout", R"({"model": {"dropout": 0.1}})", "'model.dropout'"},
        BadTokenizer{"Added", R"({"added_tokens": [{"id": 6, "content": ""}]})",
                     "must not be empty"},
        BadTokenizer{"SingleWord",
                     R"({"added_tokens": [{"id": 6, "content": "x", "single_word": true}]})",
                     "'added_tokens[0].single_word' must be false"},
        BadTokenizer{"TooMany", R"({"added_tokens": [{"id": 10, "content": "x"}]})",
                     "11 pieces, the model's vocabulary 10"}),
    [](const auto& test) { return test.param.name; });

// a+ twice over: as many ways to match as there are subsets.
TEST_F(TokenizerJsonTest, APatternThatNeverEndsGivesUp) {
  json document = Small();
  document["pre_tokenizer"] = {
      {"type", "Split"}, {"behavior", "Isolated"}, {"pattern", {{"Regex", "(?:a+)+(?=c)"}}}};
  const Tokenizer tokenizer = Make(document);
  EXPECT_THAT(tokenizer.Encode("aab"), ElementsAre(0, 2));
  EXPECT_INPUT_ERROR(tokenizer.Encode(std::string(200, 'a') + "b"), HasSubstr("gives up"));
}

}  // namespace
}  // namespace hat
