#include "experiments/traces/draft_trace.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include "core/files.h"
#include "core/random.h"
#include "experiments/traces/draft_trace_summary.h"
#include "experiments/traces/draft_trace_text.h"
#include "tests/core/expect_error.h"
#include "tests/core/temp_folder.h"
#include "tests/experiments/scenario_text.h"

namespace hat {
namespace {

using testing::AllOf;
using testing::ContainsRegex;
using testing::ElementsAre;
using testing::HasSubstr;

const std::string kHash(64, 'a');

// N = 4 output tokens, drafts of up to 2 steps, one Medusa head; two prompts.
std::string HandMade() {
  return R"({"model": "hand", "model_sha256": ")" + kHash + R"(", "prompts_sha256": ")" + kHash +
         R"(", "output_tokens": 4, "max_steps": 2, "medusa_heads": 1}
{"row": 0, "prompt_tokens": 100, "t": [{"confidence": [0.9, 0.5], "agreed": 1, "rank": 3, "medusa": [1]}, {"confidence": [0.7, 0.8], "agreed": 2, "medusa": [2]}, {"confidence": [0.1], "agreed": 0, "rank": 2, "medusa": [65535]}]}
{"row": 1, "prompt_tokens": 7, "t": [{"confidence": [0.25, 0.125], "agreed": 0, "rank": 40, "medusa": [9]}, {"confidence": [1, 0], "agreed": 1, "rank": 2, "medusa": [1]}, {"confidence": [0.61], "agreed": 1, "medusa": [1]}]}
)";
}

DraftTrace HandMadeTrace() { return ParseDraftTraceText(HandMade(), "hand.jsonl"); }

// A large one with values of all kinds.
DraftTrace RandomTrace(int rows, int output_tokens, int steps, int heads) {
  RngStream stream(1, "trace");
  DraftTrace trace({"random", kHash, kHash, output_tokens, steps, heads},
                   std::vector<int>(static_cast<size_t>(rows), 5));
  for (int row = 0; row < rows; ++row) {
    for (int t = 1; t < output_tokens; ++t) {
      std::vector<float> confidences;
      for (int j = 0; j < trace.StepsAt(t); ++j)
        confidences.push_back(static_cast<float>(stream.Uniform()));
      std::vector<uint16_t> medusa;
      for (int j = 0; j < trace.HeadsAt(t); ++j)
        medusa.push_back(static_cast<uint16_t>(1 + stream.UniformInt(65535)));
      const int agreed = stream.UniformInt(trace.StepsAt(t) + 1);
      const int rank = agreed == trace.StepsAt(t) ? 0 : 2 + stream.UniformInt(65534);
      trace.Set(row, t, {confidences, agreed, rank, medusa});
    }
  }
  return trace;
}

TEST(DraftTraceTest, RowsSayWhatTheTextSaid) {
  const DraftTrace trace = HandMadeTrace();
  EXPECT_EQ(trace.rows(), 2);
  EXPECT_EQ(trace.prompt_tokens(1), 7);
  const TraceRow first = trace.Row(0, 1);
  EXPECT_THAT(first.confidences, ElementsAre(0.9f, 0.5f));
  EXPECT_EQ(first.agreed, 1);
  EXPECT_EQ(first.mismatch_rank, 3);
  EXPECT_THAT(first.medusa_ranks, ElementsAre(1));
  EXPECT_EQ(trace.Row(0, 2).mismatch_rank, 0);
  EXPECT_THAT(trace.Row(1, 3).confidences, ElementsAre(0.61f));  // t + j <= N
}

TEST(DraftTraceTest, TextAndFileGiveTheSameTraceBack) {
  for (const DraftTrace& trace : {HandMadeTrace(), RandomTrace(3, 20, 9, 4)}) {
    const std::string bytes = trace.ToBytes();
    EXPECT_EQ(DraftTrace::FromBytes(bytes, "x").ToBytes(), bytes);
    EXPECT_EQ(ParseDraftTraceText(DraftTraceText(trace), "x").ToBytes(), bytes);
  }
  EXPECT_EQ(DraftTraceText(HandMadeTrace()), HandMade());
}

TEST(DraftTraceTest, SaveAndLoad) {
  const TempFolder folder;
  HandMadeTrace().Save(folder / "t.trace");
  const DraftTrace loaded = DraftTrace::Load(folder / "t.trace");
  EXPECT_EQ(loaded.info(), HandMadeTrace().info());
  EXPECT_EQ(loaded.sha256(), Sha256Hex(ReadFile(folder / "t.trace")));
  EXPECT_THAT(loaded.Row(1, 1).confidences, ElementsAre(0.25f, 0.125f));
}

// 480 prompts, 128 tokens, 9 steps, 4 heads: 480 * (4 + 127 * 48) bytes + header + checksum.
TEST(DraftTraceTest, FileIsAsLargeAsItsFormatSays) {
  const std::string bytes = RandomTrace(48, 128, 9, 4).ToBytes();
  const size_t header =
      8 + 4 + static_cast<unsigned char>(bytes[8]) + 256 * static_cast<unsigned char>(bytes[9]);
  EXPECT_EQ(bytes.size(), header + 48 * (4 + 127 * (4 * 9 + 4 + 2 * 4)) + 32);
}

TEST(DraftTraceTest, EveryTruncationIsRefused) {
  const std::string bytes = HandMadeTrace().ToBytes();
  for (size_t length = 0; length < bytes.size(); ++length)
    EXPECT_THROW(DraftTrace::FromBytes(bytes.substr(0, length), "x"), InputError) << length;
  EXPECT_THROW(DraftTrace::FromBytes(bytes + "x", "x"), InputError);
}

TEST(DraftTraceTest, EveryFlippedBitIsRefused) {
  std::string bytes = HandMadeTrace().ToBytes();
  for (size_t i = 0; i < bytes.size() * 8; ++i) {
    bytes[i / 8] = static_cast<char>(bytes[i / 8] ^ (1 << i % 8));
    EXPECT_THROW(DraftTrace::FromBytes(bytes, "x"), InputError) << i;
    bytes[i / 8] = static_cast<char>(bytes[i / 8] ^ (1 << i % 8));
  }
  EXPECT_NO_THROW(DraftTrace::FromBytes(bytes, "x"));
}

// A file whose checksum is right, but whose content is not.
std::string Forged(const std::string& content) {
  std::string bytes = content;
  const std::string hex = Sha256Hex(content);
  for (size_t i = 0; i < 64; i += 2)
    bytes.push_back(static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16)));
  return bytes;
}

std::string WithHeader(const std::string& header, const std::string& body) {
  std::string content = "HATDRAFT";
  for (int i = 0; i < 4; ++i) content.push_back(static_cast<char>(header.size() >> (8 * i) & 0xff));
  return Forged(content + header + body);
}

std::string HeaderText(const std::string& rows, const std::string& tokens,
                       const char* schema = "1") {
  return R"({"schema": )" + std::string(schema) + R"(, "model": "m", "model_sha256": ")" + kHash +
         R"(", "prompts_sha256": ")" + kHash + R"(", "rows": )" + rows + R"(, "output_tokens": )" +
         tokens + R"(, "max_steps": 1, "medusa_heads": 0})";
}

TEST(DraftTraceTest, SizesThatDoNotFitTheFileAreRefusedBeforeTheyAreAllocated) {
  const auto load = [](const std::string& bytes) { DraftTrace::FromBytes(bytes, "x"); };
  EXPECT_INPUT_ERROR(load(WithHeader(HeaderText("1000000000", "1000000"), "")),
                     HasSubstr("there are 0"));
  EXPECT_INPUT_ERROR(load(WithHeader(HeaderText("2", "1"), "1234")), HasSubstr("8 bytes"));
  EXPECT_INPUT_ERROR(load(WithHeader(HeaderText("-1", "1"), "")), HasSubstr("'rows'"));
  EXPECT_INPUT_ERROR(load(WithHeader(HeaderText("1", "1e300"), "")), HasSubstr("'output_tokens'"));
  EXPECT_INPUT_ERROR(load(WithHeader(HeaderText("1", "1", "2"), "abcd")), HasSubstr("'schema'"));
  EXPECT_INPUT_ERROR(load(WithHeader("[]", "")), HasSubstr("x"));
  EXPECT_INPUT_ERROR(load(Forged(std::string("HATDRAFT\xff\xff\xff\xff", 12))),
                     HasSubstr("header"));
}

TEST(DraftTraceTest, ValuesOutOfRangeAreRefusedWithTheirPlace) {
  const auto load = [](const std::string& record) {
    DraftTrace::FromBytes(WithHeader(HeaderText("1", "2"), std::string("\5\0\0\0", 4) + record),
                          "x");
  };
  const std::string half("\0\0\0\x3f", 4);  // 0.5f
  EXPECT_NO_THROW(load(half + std::string("\1\0\0\0", 4)));
  EXPECT_INPUT_ERROR(load(std::string("\0\0\xc0\x7f\1\0\0\0", 8)),  // NaN
                     AllOf(HasSubstr("prompt row 0, t = 1"), HasSubstr("'confidence'")));
  EXPECT_INPUT_ERROR(load(half + std::string("\2\0\0\0", 4)), HasSubstr("'agreed'"));
  EXPECT_INPUT_ERROR(load(half + std::string("\0\0\1\0", 4)), HasSubstr("'rank'"));
  EXPECT_INPUT_ERROR(load(half + std::string("\1\0\2\0", 4)), HasSubstr("'rank'"));
}

// N = 2, so at t = 1 the second step speaks of a token after the last: it must be 0.
TEST(DraftTraceTest, ValuesBehindTheLastTokenAreRefused) {
  const DraftTrace trace({"m", kHash, kHash, 2, 2, 2}, {5});
  const std::string bytes = trace.ToBytes();
  const std::string content = bytes.substr(0, bytes.size() - 32);
  const auto with_byte = [&](size_t from_end) {
    std::string changed = content;
    changed[changed.size() - from_end] = 1;
    return Forged(changed);
  };
  EXPECT_NO_THROW(DraftTrace::FromBytes(Forged(content), "x"));
  EXPECT_INPUT_ERROR(DraftTrace::FromBytes(with_byte(2), "x"), HasSubstr("after the last"));
  EXPECT_INPUT_ERROR(DraftTrace::FromBytes(with_byte(9), "x"), HasSubstr("after the last"));
}

TEST(DraftTraceTest, BadTextIsRefusedWithItsLine) {
  const auto parse = [](std::string from, const std::string& to) {
    std::string text = HandMade();
    const size_t at = text.find(from);
    ASSERT_NE(at, std::string::npos);
    ParseDraftTraceText(text.replace(at, from.size(), to), "h.jsonl");
  };
  EXPECT_INPUT_ERROR(parse("\"row\": 1", "\"row\": 2"), HasSubstr("h.jsonl:3"));
  EXPECT_INPUT_ERROR(parse("[0.9, 0.5]", "[0.9]"), AllOf(HasSubstr("h.jsonl:2"), HasSubstr("2")));
  EXPECT_INPUT_ERROR(parse("\"rank\": 3", "\"rank\": 1"), HasSubstr("'rank'"));
  EXPECT_INPUT_ERROR(parse("\"agreed\": 2", "\"agreed\": 3"), HasSubstr("'agreed'"));
  EXPECT_INPUT_ERROR(parse("0.125", "1.5"), HasSubstr("h.jsonl:3"));
  EXPECT_INPUT_ERROR(parse("\"model\"", "\"modell\""), HasSubstr("h.jsonl:1"));
  EXPECT_INPUT_ERROR(parse(kHash, "abc"), HasSubstr("'model_sha256'"));
  EXPECT_INPUT_ERROR(
      parse(", {\"confidence\": [0.1], \"agreed\": 0, \"rank\": 2, \"medusa\": [65535]}", ""),
      AllOf(HasSubstr("h.jsonl:2"), HasSubstr("3 entries")));
  EXPECT_INPUT_ERROR(ParseDraftTraceText("", "h.jsonl"), HasSubstr("empty"));
}

TEST(DraftTraceTest, ARecordedConfidenceReachesTheThresholdOfItsOwnDecimals) {
  DraftTrace trace({"m", kHash, kHash, 3, 2, 0}, {1});
  const std::vector<float> two = {0.7f, 0.7f}, one = {0.7f};
  trace.Set(0, 1, {two, 2, 0, {}});
  trace.Set(0, 2, {one, 1, 0, {}});
  EXPECT_EQ(DraftTotals(trace, 0.7, 1).drafted, 1);
}

TEST(DraftTraceTest, AcceptLengthFollowsTheRoundsByHand) {
  const DraftTrace trace = HandMadeTrace();
  // Threshold 0, one proposal a draft. Row 0: t = 1 keeps one (2 tokens), t = 3 cannot draft (1).
  // Row 1: t = 1 keeps none, t = 2 keeps one. 6 tokens in 4 rounds.
  EXPECT_DOUBLE_EQ(DraftTotals(trace, 0, 1).AcceptLength(), 6.0 / 4);
  // Threshold 0.95: only row 1, t = 2 drafts. 6 tokens in 5 rounds.
  EXPECT_DOUBLE_EQ(DraftTotals(trace, 0.95, 1).AcceptLength(), 6.0 / 5);
  EXPECT_DOUBLE_EQ(DraftTotals(trace, 0, 8).AcceptLength(), 6.0 / 4);  // D - 1 = 1 bounds the draft
}

// Every proposal is right.
DraftTrace SureTrace(int output_tokens, int steps) {
  DraftTrace trace({"m", kHash, kHash, output_tokens, steps, 0}, {1});
  for (int t = 1; t < output_tokens; ++t) {
    const std::vector<float> sure(static_cast<size_t>(trace.StepsAt(t)), 1.0f);
    trace.Set(0, t, {sure, trace.StepsAt(t), 0, {}});
  }
  return trace;
}

TEST(DraftTraceTest, AllRightYieldsMaxDraftPlusOneTokensARound) {
  EXPECT_DOUBLE_EQ(DraftTotals(SureTrace(10, 3), 0, 2).AcceptLength(), 3);
}

TEST(DraftTraceTest, NoRoundYieldsTokensBehindTheLast) {
  EXPECT_DOUBLE_EQ(DraftTotals(SureTrace(4, 2), 0, 1).AcceptLength(), 3.0 / 2);  // 2 tokens, then 1
  EXPECT_DOUBLE_EQ(DraftTotals(SureTrace(4, 9), 0, 8).AcceptLength(), 3);  // 3 to come: 2 drafted
}

TEST(DraftTraceTest, RoundsDraftAndKeepByHand) {
  const DraftTrace trace = HandMadeTrace();
  EXPECT_THAT(DraftRounds(trace, 0, 0, 1), ElementsAre(TraceRound{1, 1, 1}, TraceRound{3, 0, 0}));
  EXPECT_THAT(DraftRounds(trace, 1, 0.3, 1), ElementsAre(TraceRound{1, 0, 0}, TraceRound{2, 1, 1}));
  EXPECT_DOUBLE_EQ(DraftTotals(trace, 0, 1).AcceptedShare(), 2.0 / 3);
  EXPECT_DOUBLE_EQ(DraftTotals(trace, 2, 1).AcceptedShare(), 0);  // nothing is drafted
}

// One head: the chain of four is cut to it. Where one token is to come there is nothing to guess.
TEST(DraftTraceTest, TreeRoundsDraftAndKeepByHand) {
  const DraftTrace trace = HandMadeTrace();
  const Tree chain = CutTree(FindTree("chain"), 1);
  EXPECT_THAT(TreeRounds(trace, 0, chain), ElementsAre(TraceRound{1, 1, 1}, TraceRound{3, 0, 0}));
  EXPECT_THAT(TreeRounds(trace, 1, chain), ElementsAre(TraceRound{1, 1, 0}, TraceRound{2, 1, 1}));
  EXPECT_DOUBLE_EQ(TreeTotals(trace, FindTree("chain")).AcceptLength(), 6.0 / 4);
}

TEST(DraftTraceTest, SharesOfRightProposalsByHand) {
  const DraftTrace trace = HandMadeTrace();
  const std::vector<RightShare> bins = Reliability({&trace, 1}, 2);
  ASSERT_EQ(bins.size(), 2u);
  EXPECT_EQ(bins[0].count, 2);  // 0.1, 0.25
  EXPECT_NEAR(bins[0].confidence, 0.175, 1e-6);
  EXPECT_DOUBLE_EQ(bins[0].right, 0);
  EXPECT_EQ(bins[1].count, 4);  // 0.9, 0.7, 1, 0.61
  EXPECT_DOUBLE_EQ(bins[1].right, 1);
  const std::vector<RightShare> steps = RightAtSteps({&trace, 1});
  ASSERT_EQ(steps.size(), 2u);
  EXPECT_EQ(steps[0].count, 6);
  EXPECT_DOUBLE_EQ(steps[0].right, 4.0 / 6);
  EXPECT_EQ(steps[1].count, 3);  // after a right first one
  EXPECT_DOUBLE_EQ(steps[1].right, 1.0 / 3);
}

TEST(DraftTraceTest, SummaryCountsByHand) {
  const DraftTraceSummary summary = Summarize(HandMadeTrace());
  EXPECT_DOUBLE_EQ(summary.first_right, 4.0 / 6);
  EXPECT_DOUBLE_EQ(summary.mean_agreed, 5.0 / 6);
  EXPECT_DOUBLE_EQ(summary.second_of_misses, 2.0 / 4);
  EXPECT_THAT(summary.medusa_right, ElementsAre(0.5));
  EXPECT_THAT(DescribeDraftTrace(HandMadeTrace()), HasSubstr("2 rows of 7 to 100 tokens"));
}

TEST(DraftTraceTest, AcceptLengthsByGroupAreThoseOfTheirRows) {
  const DraftTrace trace = HandMadeTrace();
  RoundTotals first, both;
  first.Add(DraftRounds(trace, 0, 0.4, 1));
  both.Add(DraftRounds(trace, 0, 0.4, 1));
  both.Add(DraftRounds(trace, 1, 0.4, 1));
  const std::string table = AcceptLengthsByGroup(trace, {"tale", "code"});
  EXPECT_THAT(table, HasSubstr("| | prompts | threshold 0 | threshold 0.4 |"));
  EXPECT_THAT(table, HasSubstr("| Medusa, chain |"));
  EXPECT_THAT(table, ContainsRegex(fmt::format("\\| tale \\| 1 \\| [0-9.]+ \\| {:.2f} \\|",
                                               first.AcceptLength())));
  EXPECT_THAT(table, ContainsRegex(fmt::format("\\| all \\| 2 \\| [0-9.]+ \\| {:.2f} \\|",
                                               both.AcceptLength())));
  EXPECT_LT(table.find("tale"), table.find("code"));
}

// Rows of 0.9, 0.9, 0.5 and of 0.1, 0.1, 0.5: mean 0.5, variance 0.32 / 3; the mean product of two
// of a row's is 0.57 and 0.0367, of all 0.3033.
TEST(DraftTraceTest, TheDrawnDrafterThatIsLikeItByHand) {
  DraftTrace trace({"m", kHash, kHash, 4, 1, 0}, {5, 5});
  const float confidences[2][3] = {{0.9f, 0.9f, 0.5f}, {0.1f, 0.1f, 0.5f}};
  for (int row = 0; row < 2; ++row) {
    for (int t = 1; t < 4; ++t) trace.Set(row, t, {{&confidences[row][t - 1], 1}, 1, 0, {}});
  }
  const DrawnAlike drawn = DrawnAlikeOf(trace);
  EXPECT_NEAR(drawn.concentration, 0.25 / (0.32 / 3) - 1, 1e-5);
  EXPECT_NEAR(drawn.request_correlation, ((0.57 + 0.11 / 3) / 2 - 0.25) / (0.32 / 3), 1e-5);
}

TEST(DraftTraceTest, WhoDraftedIsKeptInFileAndText) {
  DraftTrace trace({"m", kHash, kHash, 3, 2, 0, "lookup"}, {5});
  EXPECT_EQ(DraftTrace::FromBytes(trace.ToBytes(), "x").info(), trace.info());
  EXPECT_EQ(ParseDraftTraceText(DraftTraceText(trace), "x").info(), trace.info());
  EXPECT_THAT(DescribeDraftTrace(trace), HasSubstr("drafter         lookup"));
  EXPECT_INPUT_ERROR(DraftTrace({"m", kHash, kHash, 3, 2, 0, "crystal ball"}, {5}),
                     AllOf(HasSubstr("adapter, lookup, adapter+lookup"), HasSubstr("crystal")));
}

TEST(DraftTraceTest, AScenarioMustFitItsTrace) {
  const auto check = [](const DraftTrace& trace, const std::vector<std::string>& overrides) {
    const Scenario s = SmallScenario(overrides);
    CheckTraceFits(trace, "x.trace", s, Workload(s));
  };
  const std::vector<std::string> fits = {"workload.prompts.tokens=5", "workload.outputs.tokens=20",
                                         "policy.max_draft=8"};
  const auto with = [&](const std::string& override) {
    std::vector<std::string> all = fits;
    all.push_back(override);
    return all;
  };
  EXPECT_NO_THROW(check(RandomTrace(1, 20, 9, 4), fits));
  EXPECT_INPUT_ERROR(check(RandomTrace(2, 20, 9, 4), fits), HasSubstr("2 prompts"));
  EXPECT_INPUT_ERROR(check(RandomTrace(1, 20, 9, 4), with("workload.prompts.tokens=6")),
                     AllOf(HasSubstr("prompt row 0"), HasSubstr("5"), HasSubstr("6")));
  EXPECT_INPUT_ERROR(check(RandomTrace(1, 19, 9, 4), fits), HasSubstr("19 output tokens"));
  EXPECT_INPUT_ERROR(check(RandomTrace(1, 20, 8, 4), fits), HasSubstr("'policy.max_draft'"));
  EXPECT_NO_THROW(check(RandomTrace(1, 20, 8, 4), with("system.name=u-shape")));
  EXPECT_INPUT_ERROR(check(RandomTrace(1, 20, 9, 4), with("system.drafter=lookup")),
                     AllOf(HasSubstr("'adapter'"), HasSubstr("'lookup'")));
  EXPECT_INPUT_ERROR(check(RandomTrace(1, 20, 9, 3), with("system.name=u-medusa")),
                     HasSubstr("Medusa heads"));
}

TEST(DraftTraceTest, OneOutputTokenNeedsNoRows) {
  const DraftTrace trace({"m", kHash, kHash, 1, 4, 0}, {3, 4});
  EXPECT_EQ(DraftTrace::FromBytes(trace.ToBytes(), "x").prompt_tokens(1), 4);
  EXPECT_EQ(DraftTotals(trace, 0, 4).AcceptLength(), 0);
}

}  // namespace
}  // namespace hat
