#include "experiments/import/request_formats.h"

#include <gmock/gmock.h>

#include <string>
#include <vector>

#include "experiments/import/time_stamp.h"
#include "tests/core/expect_error.h"

namespace hat {
namespace {

using testing::AllOf, testing::Contains, testing::ElementsAre, testing::HasSubstr, testing::Pair;
using testing::StartsWith;

RequestTrace ReadRequests(const std::string& text, const std::string& format = "auto",
                          const ImportOptions& options = {}) {
  return ReadRequestTrace(format, text, "in", options).trace;
}

std::string ImportedCsv(const std::string& text, const TraceCut& cut = {}) {
  RequestTrace trace = ReadRequests(text);
  CutTrace(trace, cut, "in");
  return WorkloadCsv(trace);
}

constexpr char kImportedHeader[] = "arrival_s,prompt_tokens,output_tokens\n";

// CRLF, seven decimals, no newline at the end: as the trace of 2023.
TEST(AzureTraceTest, StampsOf2023CountFromTheFirst) {
  EXPECT_EQ(ImportedCsv("TIMESTAMP,ContextTokens,GeneratedTokens\r\n"
                        "2023-11-16 23:59:59.9799600,4808,10\r\n"
                        "2023-11-17 00:00:00.0319600,14050,8"),
            std::string(kImportedHeader) + "0,4808,10\n0.052,14050,8\n");
}

// A stamp of 2024 has an offset, and no decimals where they would be 0.
TEST(AzureTraceTest, StampsOf2024MayHaveNoDecimals) {
  EXPECT_EQ(ImportedCsv("TIMESTAMP,ContextTokens,GeneratedTokens\n"
                        "2024-05-12 00:00:00+00:00,5,6\n"
                        "2024-05-12 00:00:00.001163+00:00,7,8\n"),
            std::string(kImportedHeader) + "0,5,6\n0.001163,7,8\n");
}

TEST(AzureTraceTest, ABadRowNamesItsLineAndItsColumn) {
  const std::string begin = "TIMESTAMP,ContextTokens,GeneratedTokens\n2023-11-16 18:17:03.9,1,1\n";
  EXPECT_INPUT_ERROR(
      ReadRequests(begin + "yesterday,1,1\n"),
      AllOf(StartsWith("in:3: 'TIMESTAMP' must be a time as 2023"), HasSubstr("got 'yesterday'")));
  EXPECT_INPUT_ERROR(ReadRequests(begin + "2023-11-16 18:17:04,many,1\n"),
                     StartsWith("in:3: 'ContextTokens' must be an integer in 0..1000000"));
  EXPECT_INPUT_ERROR(ReadRequests(begin + "2023-11-16 18:17:04,1\n"), StartsWith("in:3: 2 fields"));
}

TEST(AzureTest, AnEstimateOfTokensIsNotForWhatHoldsThem) {
  EXPECT_INPUT_ERROR(
      ReadRequests("TIMESTAMP,ContextTokens,GeneratedTokens\n2023-11-16 18:17:03,1,1\n", "auto",
                   {.tokens_per_word = 2}),
      AllOf(HasSubstr("azure"), HasSubstr("--tokens-per-word")));
}

TEST(BurstGptTest, BothSetsOfColumnsAreReadAndFailedRowsAreCounted) {
  const RequestTrace early = ReadRequests(
      "Timestamp,Model,Request tokens,Response tokens,Total tokens,Log Type\n"
      "5,ChatGPT,472,18,490,Conversation log\n"
      "45,GPT-4,1087,0,1087,API log\n");
  ASSERT_EQ(early.requests.size(), 1u);
  EXPECT_EQ(early.tally.rows, 2);
  EXPECT_THAT(early.tally.left_out, ElementsAre(Pair("failed (0 response tokens)", 1)));
  EXPECT_EQ(
      ImportedCsv("Timestamp,Session ID,Elapsed time,Model,Request tokens,Response tokens,Total "
                  "tokens,Log Type\n"
                  "19440110.0,a-b,43,GPT-4,906,446,1352,Conversation log\n"
                  "19440161.5,,2,ChatGPT,36,29,65,API log\n"),
      std::string(kImportedHeader) + "0,906,446\n51.5,36,29\n");
}

TEST(MooncakeTest, MillisecondsAndRequestsOfOneStampAndWhatIsLost) {
  const std::string text =
      R"({"timestamp": 3000, "input_length": 126195, "output_length": 1, "hash_ids": [0, 1]})"
      "\r\n"
      R"({"timestamp": 3000, "input_length": 7, "output_length": 2, "hash_ids": [0]})"
      "\n"
      R"({"timestamp": 5999, "input_length": 8, "output_length": 3, "hash_ids": []})";
  EXPECT_EQ(ImportedCsv(text), std::string(kImportedHeader) + "0,126195,1\n0,7,2\n2.999,8,3\n");
  EXPECT_THAT(ReadRequests(text).tally.notes, Contains(HasSubstr("hash_ids, 3 blocks")));
}

TEST(MooncakeTest, ABadRowNamesItsLineAndItsKey) {
  const std::string first = "{\"timestamp\": 0, \"input_length\": 1, \"output_length\": 1}\n";
  EXPECT_INPUT_ERROR(
      ReadRequests(first + "\n{\"timestamp\": 0, \"input_length\": -1, \"output_length\": 1}"),
      StartsWith("in:3: 'input_length' must be an integer in 0..1000000"));
  EXPECT_INPUT_ERROR(ReadRequests(first + "{\"timestamp\": 0, \"input_length\": 1}"),
                     StartsWith("in:2: 'output_length' is missing"));
  EXPECT_INPUT_ERROR(ReadRequests(first + "{\"timestamp\": 0,"),
                     StartsWith("in:2: not valid JSON"));
}

TEST(VidurTest, ATraceWithTimesAndOneWithout) {
  EXPECT_EQ(ImportedCsv("arrived_at,num_prefill_tokens,num_decode_tokens\n"
                        "1.5,4808,10\n199.96150599999999,161,11\n"),
            std::string(kImportedHeader) + "0,4808,10\n198.461506,161,11\n");
  EXPECT_EQ(
      ImportedCsv(
          "num_prefill_tokens,num_decode_tokens,num_total_tokens,pd_ratio\n3772,54,3826,69.8\n"),
      "prompt_tokens,output_tokens\n3772,54\n");
}

// Its files need not be in order, and may hold sessions.
TEST(LlmServingSimTest, NanosecondsAreSortedAndSessionsAreLeftOut) {
  const std::string text =
      "{\"input_toks\": 10, \"output_toks\": 70, \"arrival_time_ns\": 46926808}\n"
      "{\"session_id\": \"a\", \"arrival_time_ns\": 5, \"sub_requests\": []}\n"
      "{\"input_toks\": 3, \"output_toks\": 4, \"arrival_time_ns\": 46926800, "
      "\"input_tok_ids\": [1, 2, 3]}\n";
  RequestTrace trace = ReadRequests(text);
  CutTrace(trace, {}, "in");
  EXPECT_EQ(WorkloadCsv(trace), std::string(kImportedHeader) + "0,3,4\n0.000000008,10,70\n");
  EXPECT_THAT(trace.tally.left_out, ElementsAre(Pair(StartsWith("sessions of an agent"), 1)));
  EXPECT_THAT(trace.tally.notes, Contains("sorted by time: 1 rows stood below a later one"));
  EXPECT_THAT(trace.tally.notes, Contains(HasSubstr("lost: input_tok_ids")));
}

// Words 3, 1; 2 tokens a word.
TEST(ShareGptTest, TheFirstTwoTurnsAreEstimatedFromWords) {
  const std::string text =
      "[{\"id\": \"a\", \"conversations\": [{\"from\": \"human\", \"value\": \" one, [two]\\nthree "
      "\"},"
      "\n {\"from\": \"gpt\", \"value\": \"four\"}, {\"from\": \"human\", \"value\": \"five\"}]},\n"
      " {\"id\": \"}\", \"conversations\": []}]\n";
  const RequestTrace trace = ReadRequests(text, "auto", {.tokens_per_word = 2});
  EXPECT_EQ(WorkloadCsv(trace), "prompt_tokens,output_tokens\n6,2\n");
  EXPECT_THAT(trace.tally.left_out, ElementsAre(Pair("of fewer than two turns", 1)));
  EXPECT_THAT(trace.tally.notes, Contains(HasSubstr("estimated: every number of tokens, 2 for")));
  EXPECT_INPUT_ERROR(ReadRequests(text),
                     AllOf(StartsWith("in: holds text"), HasSubstr("--tokens-per-word")));
}

TEST(ShareGptTest, ATokenizerCountsWhereThereIsOne) {
  const ImportOptions options{
      .count_tokens = [](const std::string& text) { return static_cast<int>(text.size()); },
      .tokenizer = "bytes"};
  const std::string text =
      "[{\"conversations\": [{\"value\": \"one two\"}, {\"value\": \"four\"}]}]";
  const RequestTrace trace = ReadRequests(text, "sharegpt", options);
  EXPECT_EQ(WorkloadCsv(trace), "prompt_tokens,output_tokens\n7,4\n");
  EXPECT_THAT(trace.tally.notes, Contains("counted: every number of tokens, by bytes"));
  EXPECT_INPUT_ERROR(ReadRequests("num_prefill_tokens,num_decode_tokens\n1,2\n", "vidur", options),
                     HasSubstr("which --tokenizer is not for"));
}

TEST(ShareGptTest, ABadElementNamesItsLine) {
  const ImportOptions options{.tokens_per_word = 1};
  const std::string first = "[\n{\"conversations\": []}";
  const auto refuses = [&](const std::string& rest, const std::string& message) {
    EXPECT_INPUT_ERROR(ReadRequests(first + rest, "sharegpt", options), StartsWith(message));
  };
  refuses(",\n{\"conversations\": 5}]", "in:3: 'conversations' must be an array");
  refuses(",\n{\"conversations\": [", "in:3: not valid JSON");
  refuses("\n{\"conversations\": []}]", "in:3: ',' or ']' must follow");
  refuses(",\n5]", "in:3: must be an array of objects");
  refuses("", "in:2: ',' or ']' must follow");
  refuses("]\nmore", "in:3: nothing may follow the array");
}

TEST(SpecBenchTest, TheFirstTurnIsThePromptAndThereAreNoOutputs) {
  const RequestTrace trace = ReadRequests(
      "{\"question_id\": 81, \"category\": \"writing\", \"turns\": [\"a b c\", \"d\"]}\n"
      "{\"question_id\": 82, \"category\": \"writing\", \"turns\": [\"\"]}\n",
      "spec-bench", {.tokens_per_word = 1.5});
  EXPECT_EQ(WorkloadCsv(trace), "prompt_tokens\n5\n");
  EXPECT_THAT(trace.tally.left_out, ElementsAre(Pair("without a prompt (0 tokens)", 1)));
  EXPECT_THAT(WorkloadToml(trace, "q.csv"),
              AllOf(HasSubstr("rate_per_s"), HasSubstr("tokens = 128")));
}

TEST(RequestFormatTest, AFileOfAnotherFormatIsCalledSo) {
  const std::string vidur = "num_prefill_tokens,num_decode_tokens\n1,1\n";
  EXPECT_INPUT_ERROR(ReadRequests(vidur, "azure"), "in: is of the format vidur, not azure");
  EXPECT_INPUT_ERROR(
      ReadRequests("a,b\n1,1\n"),
      AllOf(StartsWith("in: of none of the formats azure, burstgpt,"), HasSubstr("'a', 'b'")));
  EXPECT_INPUT_ERROR(ReadRequests("a,b\n1,1\n", "azure"), StartsWith("in:1: there is no column"));
  EXPECT_INPUT_ERROR(ReadRequests(vidur, "azur"),
                     StartsWith("there is no format 'azur'; there are azure"));
  EXPECT_INPUT_ERROR(ReadRequests("\x1f\x8b"), "in: is compressed with gzip: unpack it first");
}

constexpr char kFive[] =
    "arrived_at,num_prefill_tokens,num_decode_tokens\n"
    "10,1,1\n12,2,2\n14,3,3\n16,4,4\n13,5,5\n";

TEST(CutTraceTest, TimesCountFromTheFirstKeptRow) {
  EXPECT_EQ(ImportedCsv(kFive, {.from_s = 2, .for_s = 3}),  // 12 to 15, sorted
            std::string(kImportedHeader) + "0,2,2\n1,5,5\n2,3,3\n");
  EXPECT_EQ(ImportedCsv(kFive, {.from_s = 3, .scale_rate = 4}),
            std::string(kImportedHeader) + "0,5,5\n0.25,3,3\n0.75,4,4\n");
}

TEST(CutTraceTest, RowsOutsideAreCountedAndNothingLeftIsAnError) {
  RequestTrace trace = ReadRequests(kFive);
  CutTrace(trace, {.from_s = 2, .for_s = 3}, "in");
  EXPECT_EQ(trace.tally.kept(), 3);
  EXPECT_THAT(trace.tally.left_out, ElementsAre(Pair("outside --from and --for", 2)));
  EXPECT_INPUT_ERROR(ImportedCsv(kFive, {.from_s = 7}),
                     HasSubstr("5 rows read, 0 kept; left out: 5 outside"));
  EXPECT_INPUT_ERROR(ImportedCsv("num_prefill_tokens,num_decode_tokens\n1,1\n", {.from_s = 1}),
                     HasSubstr("holds no times"));
  EXPECT_INPUT_ERROR(
      ImportedCsv("arrived_at,num_prefill_tokens,num_decode_tokens\n0,1,1\n2e9,1,1\n"),
      HasSubstr("at most 1e+09 s are played"));
}

TEST(TimeStampTest, CountsFrom1970) {
  EXPECT_EQ(ParseTimeStamp("1970-01-02T00:00:01.5Z"), 86'401'500'000'000);
  EXPECT_EQ(ParseTimeStamp("2024-02-29 12:00:00"), 1'709'208'000'000'000'000);
  EXPECT_EQ(ParseTimeStamp("1970-01-01 01:30:00.000000001+01:30"), 1);
}

TEST(TimeStampTest, WhatIsNoTimeIsNone) {
  for (const char* text : {"", "2023-02-29 00:00:00", "2023-13-01 00:00:00", "2023-01-01 24:00:00",
                           "2023-01-01", "2023-01-01 00:00:00.", "2023-01-01 00:00:00+0000",
                           "2023-01-01 00:00:00 ", "2023-01-01 00:00:00.0000000001"})
    EXPECT_EQ(ParseTimeStamp(text), std::nullopt) << text;
}

}  // namespace
}  // namespace hat
