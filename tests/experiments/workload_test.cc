#include "experiments/scenario/workload.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>
#include <set>

#include "core/files.h"
#include "tests/core/expect_error.h"
#include "tests/core/temp_folder.h"
#include "tests/experiments/scenario_text.h"

namespace hat {
namespace {

using testing::AllOf;
using testing::HasSubstr;

using Overrides = std::vector<std::string>;

// The small scenario without the keys that other arrivals than Poisson refuse.
Scenario WithArrivals(const Overrides& overrides, const std::string& folder = "folder") {
  std::string text = SmallScenarioText();
  text.erase(text.find("rate_per_s = 6\n"), 15);
  return ParseScenario(text, folder + "/small.toml", overrides);
}

Scenario WithPrompts(const std::string& prompts, const Overrides& overrides = {},
                     const std::string& folder = "folder") {
  std::string text = SmallScenarioText();
  text.erase(text.find("[workload.prompts]"));
  return ParseScenario(text + "[workload.prompts]\n" + prompts + "\n", folder + "/small.toml",
                       overrides);
}

bool AreEqual(const Request& a, const Request& b) {
  return a.id == b.id && a.device == b.device && a.prompt_row == b.prompt_row &&
         a.arrival == b.arrival && a.prompt_tokens == b.prompt_tokens &&
         a.output_tokens == b.output_tokens;
}

bool AreEqual(const std::vector<Request>& a, const std::vector<Request>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](const Request& x, const Request& y) { return AreEqual(x, y); });
}

const char* const kLognormal = "kind = \"lognormal\"\nmu = 6.805\nsigma = 0.526";

TEST(WorkloadTest, SameSeedSameRequests) {
  const Scenario s =
      WithPrompts(kLognormal, {"workload.outputs.kind=geometric", "workload.outputs.mean=50"});
  EXPECT_TRUE(AreEqual(AllRequests(s), AllRequests(s)));
}

TEST(WorkloadTest, AnotherSeedGivesOtherRequests) {
  EXPECT_FALSE(AreEqual(AllRequests(SmallScenario()), AllRequests(SmallScenario({"seed=2"}))));
}

TEST(WorkloadTest, EverySystemGetsTheSameRequests) {
  const std::string path = "experiments/paper/spec_bench_7b.toml";
  const std::vector<Request> hat = AllRequests(LoadScenario(path));
  EXPECT_EQ(hat.size(), 1500u);
  for (const std::string& system : SystemNames())
    EXPECT_TRUE(AreEqual(hat, AllRequests(LoadScenario(path, {"system.name=" + system}))))
        << system;
}

TEST(WorkloadTest, ALongerRunBeginsWithTheShorterOnesRequests) {
  const std::vector<Request> few = AllRequests(SmallScenario({"workload.requests=50"}));
  std::vector<Request> many = AllRequests(SmallScenario({"workload.requests=5000"}));
  EXPECT_EQ(few.size(), 50u);
  EXPECT_EQ(many.size(), 5000u);
  many.resize(50);
  EXPECT_TRUE(AreEqual(few, many));
}

TEST(WorkloadTest, RequestsAreNumberedInOrderOfArrival) {
  const std::vector<Request> requests = AllRequests(SmallScenario());
  for (size_t i = 1; i < requests.size(); ++i) {
    EXPECT_EQ(requests[i].id, static_cast<int>(i));
    EXPECT_GE(requests[i].arrival, requests[i - 1].arrival);
  }
}

TEST(WorkloadTest, EveryPassOverTheRowsTakesEachOnceInTheSameOrder) {
  const std::vector<Request> requests =
      AllRequests(LoadScenario("experiments/paper/spec_bench_7b.toml"));
  std::set<int> rows;
  for (size_t i = 0; i < 480; ++i) rows.insert(requests[i].prompt_row);
  EXPECT_EQ(rows.size(), 480u);
  for (size_t i = 480; i < 960; ++i)
    EXPECT_EQ(requests[i].prompt_row, requests[i - 480].prompt_row);
}

TEST(WorkloadTest, SpecBenchHasItsKnownLengths) {
  const std::vector<Request> requests =
      AllRequests(LoadScenario("experiments/paper/spec_bench_7b.toml", {"workload.requests=480"}));
  double total = 0;
  for (const Request& request : requests) total += request.prompt_tokens;
  EXPECT_NEAR(total / 480, 345.717, 1e-3);
}

TEST(WorkloadTest, FileOrderKeepsTheRowsInPlace) {
  const TempFolder folder;
  WriteFileAtomically(folder / "p.csv", "prompt_tokens\n11\n12\n13\n");
  const Scenario s = WithPrompts("kind = \"csv\"\npath = \"p.csv\"\norder = \"file\"",
                                 {"workload.requests=4"}, folder.path());
  const std::vector<Request> requests = AllRequests(s);
  EXPECT_EQ(requests[0].prompt_tokens, 11);
  EXPECT_EQ(requests[2].prompt_tokens, 13);
  EXPECT_EQ(requests[3].prompt_row, 0);
}

// Mean and variance of 100,000 gaps of mean 1/6 s and coefficient of variation c.
void ExpectGaps(const Scenario& s, double c) {
  const std::vector<Request> requests = AllRequests(s);
  double previous = 0, sum = 0, squares = 0;
  for (const Request& request : requests) {
    const double gap = 6 * (request.arrival.value() - previous);
    previous = request.arrival.value();
    sum += gap;
    squares += gap * gap;
  }
  const double n = static_cast<double>(requests.size());
  ASSERT_EQ(requests.size(), 100'000u);
  EXPECT_NEAR(sum / n, 1, 4 * c / std::sqrt(n));
  EXPECT_NEAR(squares / n - 1, c * c, 0.1 * std::max(c * c, 1.0));
}

TEST(WorkloadTest, PoissonGapsHaveTheirMoments) {
  ExpectGaps(SmallScenario({"workload.requests=100000"}), 1);
}

TEST(WorkloadTest, GammaGapsHaveTheGivenBurstiness) {
  for (const double c : {0.5, 3.0})
    ExpectGaps(SmallScenario({"workload.requests=100000", "workload.arrivals=gamma",
                              "workload.burstiness=" + std::to_string(c)}),
               c);
}

TEST(WorkloadTest, UniformArrivalsAreEvenlySpaced) {
  const std::vector<Request> requests = AllRequests(SmallScenario({"workload.arrivals=uniform"}));
  for (size_t i = 0; i < requests.size(); ++i)
    EXPECT_DOUBLE_EQ(requests[i].arrival.value(), static_cast<double>(i + 1) / 6);
}

TEST(WorkloadTest, DevicesAreDrawnEvenly) {
  std::map<int, int> counts;
  for (const Request& request : AllRequests(SmallScenario({"workload.requests=30000"})))
    ++counts[request.device];
  ASSERT_EQ(counts.size(), 30u);
  double chi_square = 0;
  for (const auto& [device, count] : counts) chi_square += (count - 1000.0) * (count - 1000) / 1000;
  EXPECT_LT(chi_square, 58.3);  // 29 degrees of freedom, 0.1%
}

TEST(WorkloadTest, RequestsMayBeDealtOutInTurn) {
  const std::vector<Request> drawn = AllRequests(SmallScenario());
  const std::vector<Request> dealt = AllRequests(SmallScenario({"workload.devices=in-turn"}));
  ASSERT_EQ(dealt.size(), drawn.size());
  for (size_t i = 0; i < dealt.size(); ++i) {
    EXPECT_EQ(dealt[i].device, static_cast<int>(i) % SmallScenario().devices());
    EXPECT_EQ(dealt[i].arrival, drawn[i].arrival);
    EXPECT_EQ(dealt[i].prompt_row, drawn[i].prompt_row);
  }
}

TEST(WorkloadTest, LognormalPromptsHaveThePublishedMeanAndNinetiethPercentile) {
  const Scenario s = WithPrompts(kLognormal, {"workload.requests=100000"});
  std::vector<int> tokens;
  double total = 0;
  for (const Request& request : AllRequests(s)) {
    tokens.push_back(request.prompt_tokens);
    total += request.prompt_tokens;
  }
  std::sort(tokens.begin(), tokens.end());
  EXPECT_NEAR(total / 100'000, 1036.6, 10);
  EXPECT_NEAR(tokens[90'000], 1772, 25);
  EXPECT_LE(tokens.back(), 3968);
}

TEST(WorkloadTest, LognormalPromptsAreClamped) {
  const Scenario s =
      WithPrompts(std::string(kLognormal) + "\nmin = 900\nmax = 1000", {"workload.requests=500"});
  std::set<int> tokens;
  for (const Request& request : AllRequests(s)) tokens.insert(request.prompt_tokens);
  EXPECT_EQ(*tokens.begin(), 900);
  EXPECT_EQ(*tokens.rbegin(), 1000);
}

TEST(WorkloadTest, GeometricOutputsHaveTheirMeanAndCap) {
  const Scenario s = SmallScenario({"workload.requests=100000", "workload.outputs.kind=geometric",
                                    "workload.outputs.mean=20", "workload.outputs.max=100"});
  double total = 0;
  int most = 0;
  for (const Request& request : AllRequests(s)) {
    total += request.output_tokens;
    most = std::max(most, request.output_tokens);
  }
  // E[min(G, 100)] = (1 - q^100) / (1 - q) with q = 1 - 1/20
  EXPECT_NEAR(total / 100'000, 20 * (1 - std::pow(0.95, 100)), 0.25);
  EXPECT_EQ(most, 100);
}

TEST(WorkloadTest, OutputsOfACsvBelongToThePromptsOfTheirRow) {
  const TempFolder folder;
  WriteFileAtomically(folder / "p.csv", "prompt_tokens,output_tokens\n10,1\n20,2\n30,3\n");
  const Scenario s =
      WithPrompts("kind = \"csv\"\npath = \"p.csv\"",
                  {"workload.outputs.kind=csv", "workload.outputs.path=p.csv"}, folder.path());
  for (const Request& request : AllRequests(s))
    EXPECT_EQ(request.output_tokens * 10, request.prompt_tokens);
}

TEST(WorkloadTest, OutputsOfACsvNeedARowAPrompt) {
  const TempFolder folder;
  WriteFileAtomically(folder / "p.csv", "prompt_tokens\n10\n20\n");
  WriteFileAtomically(folder / "o.csv", "output_tokens\n10\n");
  const Scenario s =
      WithPrompts("kind = \"csv\"\npath = \"p.csv\"",
                  {"workload.outputs.kind=csv", "workload.outputs.path=o.csv"}, folder.path());
  EXPECT_INPUT_ERROR(Workload{s}, AllOf(HasSubstr("o.csv"), HasSubstr("1 rows")));
}

TEST(WorkloadTest, ArrivalsStopAtTheDuration) {
  std::string text = SmallScenarioText();
  text.replace(text.find("requests = 1000"), 15, "duration_s = 100");
  const Scenario s = ParseScenario(text, "small.toml");
  const std::vector<Request> requests = AllRequests(s);
  EXPECT_NEAR(static_cast<double>(requests.size()), 600, 4 * std::sqrt(600));
  EXPECT_LE(requests.back().arrival, Seconds(100));
  EXPECT_FALSE(Workload(s).expected_requests().has_value());
  EXPECT_EQ(Workload(SmallScenario()).expected_requests(), 1000);
}

TEST(WorkloadTest, ReplayGivesTheStampsOfTheFile) {
  const TempFolder folder;
  WriteFileAtomically(folder / "a.csv", "who,arrival_s\nx,0\nx,0.25\nx,0.25\nx,7\n");
  const Overrides replay = {"workload.arrivals=replay", "workload.replay=a.csv",
                            "workload.requests=3"};
  const std::vector<Request> requests = AllRequests(WithArrivals(replay, folder.path()));
  ASSERT_EQ(requests.size(), 3u);
  EXPECT_EQ(requests[0].arrival, Seconds(0));
  EXPECT_EQ(requests[2].arrival, Seconds(0.25));
  Overrides too_many = replay;
  too_many.back() = "workload.requests=5";
  EXPECT_INPUT_ERROR(Workload{WithArrivals(too_many, folder.path())},
                     AllOf(HasSubstr("4 arrivals"), HasSubstr("5")));
}

TEST(WorkloadTest, ReplayRefusesStampsThatGoBack) {
  const TempFolder folder;
  WriteFileAtomically(folder / "a.csv", "arrival_s\n1\n0.5\n");
  const Scenario s = WithArrivals(
      {"workload.arrivals=replay", "workload.replay=a.csv", "workload.requests=2"}, folder.path());
  EXPECT_INPUT_ERROR(Workload{s}, AllOf(HasSubstr("a.csv:3"), HasSubstr("ascending")));
}

TEST(WorkloadTest, AReplayMayCountFromItsFirstStamp) {
  const TempFolder folder;
  WriteFileAtomically(folder / "a.csv", "arrival_s\n1715299200.5\n1715299201\n1715299260\n");
  const auto replay = [&](const std::string& more) {
    return WithArrivals(
        {"workload.arrivals=replay", "workload.replay=a.csv", "workload.requests=2", more},
        folder.path());
  };
  const std::vector<Request> requests = AllRequests(replay("workload.replay_from=first"));
  ASSERT_EQ(requests.size(), 2u);
  EXPECT_EQ(requests[0].arrival, Seconds(0));
  EXPECT_EQ(requests[1].arrival, Seconds(0.5));
  EXPECT_INPUT_ERROR(Workload{replay("workload.replay_from=zero")},
                     AllOf(HasSubstr("a.csv:2"), HasSubstr("<= 1e+09"),
                           HasSubstr("workload.replay_from = \"first\"")));
}

TEST(WorkloadTest, StampsBehindTheFirstAreBoundToo) {
  const TempFolder folder;
  const auto refuses = [&](const std::string& second, const std::string& message) {
    WriteFileAtomically(folder / "a.csv", "arrival_s\n-5\n" + second + "\n");
    EXPECT_INPUT_ERROR(Workload{WithArrivals({"workload.arrivals=replay", "workload.replay=a.csv",
                                              "workload.requests=1", "workload.replay_from=first"},
                                             folder.path())},
                       AllOf(HasSubstr("a.csv:3"), HasSubstr(message)));
  };
  refuses("-6", "ascending (sort the rows), at least -5");
  refuses("2e9", "at most 1e+09 s after the first");
}

// replay.csv with arrivals, prompts and outputs, a row per request, replayed with `more`.
Scenario Replayed(const TempFolder& folder, const Overrides& more = {}) {
  WriteFileAtomically(folder / "replay.csv",
                      "arrival_s,prompt_tokens,output_tokens\n0,11,1\n1,12,2\n2,13,3\n3,14,4\n");
  Overrides overrides = {"workload.arrivals=replay", "workload.replay=replay.csv"};
  overrides.insert(overrides.end(), more.begin(), more.end());
  std::string text = SmallScenarioText();
  text.erase(text.find("[workload]"));
  return ParseScenario(text, folder.path() + "/small.toml", overrides);
}

const Overrides kReplayedPrompts = {"workload.prompts={kind='csv',path='./x/../replay.csv'}"};
const Overrides kReplayedPairs = {"workload.prompts={kind='csv',path='replay.csv'}",
                                  "workload.outputs={kind='csv',path='replay.csv'}"};
const Overrides kReplayedOutputs = {"workload.prompts={kind='constant',tokens=5}",
                                    "workload.outputs={kind='csv',path='replay.csv'}"};

TEST(ReplayTest, LengthsOfTheArrivalsFileStayInTheirRows) {
  const TempFolder folder;
  for (const Overrides& more : {kReplayedPrompts, kReplayedPairs, kReplayedOutputs}) {
    const Scenario scenario = Replayed(folder, more);
    EXPECT_THAT(scenario.resolved, HasSubstr("order = \"file\""));
    const std::vector<Request> requests = AllRequests(scenario);
    ASSERT_EQ(requests.size(), 4u);
    for (int i = 0; i < 4; ++i) {
      const Request& request = requests[static_cast<size_t>(i)];
      EXPECT_EQ(request.arrival, Seconds(i));
      EXPECT_EQ(request.prompt_tokens, more == kReplayedOutputs ? 5 : 11 + i);
      EXPECT_EQ(request.output_tokens, more == kReplayedPrompts ? 128 : 1 + i);
    }
  }
}

// A link, or another way to write the path.
TEST(ReplayTest, TheSameFileUnderAnotherNameIsTheSame) {
  const TempFolder folder;
  const auto order = [&](const std::string& path) {
    return Replayed(folder, {"workload.prompts={kind='csv',path='" + path + "'}"})
        .workload.prompts.is_in_file_order;
  };
  EXPECT_FALSE(order("no such.csv"));
  std::filesystem::create_symlink("replay.csv", folder / "link.csv");
  EXPECT_TRUE(order("link.csv"));
  EXPECT_TRUE(order(std::filesystem::absolute(folder / "replay.csv")));
  WriteFileAtomically(folder / "other.csv", "prompt_tokens\n1\n");
  EXPECT_FALSE(order("other.csv"));
}

TEST(ReplayTest, WhoAsksForAPermutationGetsIt) {
  const TempFolder folder;
  for (const auto& [lengths, order] :
       {std::pair(kReplayedPrompts, "workload.prompts.order=permuted"),
        std::pair(kReplayedPairs, "workload.prompts.order=permuted"),
        std::pair(kReplayedOutputs, "workload.outputs.order=permuted")}) {
    Overrides more = lengths;
    more.push_back(order);
    const Scenario scenario = Replayed(folder, more);
    EXPECT_FALSE(scenario.workload.prompts.is_in_file_order);
    EXPECT_FALSE(scenario.workload.outputs.is_in_file_order);
    EXPECT_THAT(scenario.resolved, HasSubstr("order = \"permuted\""));
  }
}

// Outputs beside the prompts of a CSV go with these, so the outputs' file decides as well.
TEST(ReplayTest, PromptsBesideReplayedOutputsKeepTheirRows) {
  const TempFolder folder;
  WriteFileAtomically(folder / "p.csv", "prompt_tokens\n21\n22\n23\n24\n");
  const Scenario scenario = Replayed(folder, {"workload.prompts={kind='csv',path='p.csv'}",
                                              "workload.outputs={kind='csv',path='replay.csv'}"});
  for (const Request& request : AllRequests(scenario)) {
    EXPECT_EQ(request.output_tokens, 1 + request.id);
    EXPECT_EQ(request.prompt_tokens, 21 + request.id);
  }
}

TEST(WorkloadTest, OutputsOfACsvBesideConstantPromptsMayKeepTheirRows) {
  const TempFolder folder;
  WriteFileAtomically(folder / "o.csv", "output_tokens\n3\n2\n1\n");
  const auto outputs = [&](const std::string& order) {
    std::string tokens;
    for (const Request& request :
         AllRequests(SmallScenario({"workload.requests=4", "workload.outputs.kind=csv",
                                    "workload.outputs.path=o.csv", order},
                                   folder.path()))) {
      tokens += std::to_string(request.output_tokens);
    }
    return tokens;
  };
  EXPECT_EQ(outputs("workload.outputs.order=file"), "3213");
  EXPECT_EQ(outputs("workload.outputs.order=permuted"), outputs("seed=1"));
}

TEST(ReplayTest, ADurationThatEndsBeforeTheFirstArrivalIsRefused) {
  const TempFolder folder;
  WriteFileAtomically(folder / "a.csv", "arrival_s\n7\n8\n");
  const auto load = [&](const std::string& duration) {
    std::string text = SmallScenarioText();
    text.replace(text.find("rate_per_s = 6\nrequests = 1000"), 30,
                 "arrivals = 'replay'\nreplay = 'a.csv'\n" + duration);
    return Workload{ParseScenario(text, folder.path() + "/small.toml")};
  };
  EXPECT_INPUT_ERROR(load("duration_s = 6.5"),
                     AllOf(HasSubstr("a.csv"), HasSubstr("at 7 s"), HasSubstr("duration_s = 6.5")));
  EXPECT_EQ(load("duration_s = 7").expected_requests(), 1);
}

TEST(WorkloadTest, AClosedLoopHasOneRequestADeviceOutstanding) {
  const Scenario s = WithArrivals(
      {"workload.arrivals=closed-loop", "workload.think_time_s=2", "workload.requests=100"});
  Workload workload(s);
  std::vector<Request> first;
  while (const auto request = workload.Next()) first.push_back(*request);
  ASSERT_EQ(first.size(), 30u);
  std::set<int> devices;
  for (const Request& request : first) {
    devices.insert(request.device);
    EXPECT_GE(request.arrival, Seconds(0));
    EXPECT_LT(request.arrival, Seconds(2));  // spread over one think time
  }
  EXPECT_EQ(devices.size(), 30u);
  const std::optional<Request> next = workload.NextAfter(17, Seconds(5));
  ASSERT_TRUE(next.has_value());
  EXPECT_EQ(next->id, 30);
  EXPECT_EQ(next->device, 17);
  EXPECT_EQ(next->arrival, Seconds(7));
  for (int i = 31; i < 100; ++i) EXPECT_TRUE(workload.NextAfter(0, Seconds(8)).has_value());
  EXPECT_FALSE(workload.NextAfter(0, Seconds(8)).has_value());
}

TEST(WorkloadTest, ARequestThatCanNeverFitTheKvCacheIsRefused) {
  const TempFolder folder;
  WriteFileAtomically(folder / "p.csv", "prompt_tokens\n100\n1500\n");
  const Scenario s =
      WithPrompts("kind = \"csv\"\npath = \"p.csv\"", {"cloud.kv_tokens=1636"}, folder.path());
  EXPECT_INPUT_ERROR(Workload{s}, AllOf(HasSubstr("prompt row 1"), HasSubstr("1500"),
                                        HasSubstr("128"), HasSubstr("1637"), HasSubstr("1636")));
  EXPECT_NO_THROW(Workload{
      WithPrompts("kind = \"csv\"\npath = \"p.csv\"", {"cloud.kv_tokens=1637"}, folder.path())});
  EXPECT_INPUT_ERROR(Workload{WithPrompts(kLognormal, {"cloud.kv_tokens=4000"})},
                     HasSubstr("workload.prompts.max"));
}

// Prompt and output lengths of the longest, by each measure.
std::string LongestOf(const Workload& workload) {
  std::string text;
  const Workload::Longest& longest = workload.longest();
  for (const Request& request : {longest.by_prompt, longest.by_output, longest.by_sum})
    text += fmt::format("{}+{} ", request.prompt_tokens, request.output_tokens);
  return text;
}

TEST(LongestTest, PairsTheLengthsOfARow) {
  const TempFolder folder;
  WriteFileAtomically(folder / "p.csv",
                      "prompt_tokens,output_tokens\n4000,10\n100,4500\n2500,2500\n");
  const Scenario s =
      WithPrompts("kind = \"csv\"\npath = \"p.csv\"",
                  {"workload.outputs.kind=csv", "workload.outputs.path=p.csv"}, folder.path());
  EXPECT_EQ(LongestOf(Workload{s}), "4000+10 100+4500 2500+2500 ");
}

TEST(LongestTest, LeavesOutRowsThatNoRequestReaches) {
  const TempFolder folder;
  const auto load = [&](const std::string& rows, const std::string& order, int requests) {
    WriteFileAtomically(folder / "p.csv", "prompt_tokens\n" + rows);
    return Workload{WithPrompts("kind = \"csv\"\npath = \"p.csv\"\norder = \"" + order + "\"",
                                {"workload.requests=" + std::to_string(requests)}, folder.path())};
  };
  EXPECT_EQ(LongestOf(load("5\n6\n900000\n", "file", 2)), "6+128 5+128 6+128 ");
  EXPECT_INPUT_ERROR(load("5\n6\n900000\n", "file", 3), HasSubstr("request 2 (prompt row 2 of"));
  // Permuted, the row whose turn comes last is another.
  ASSERT_EQ(RandomPermutation(RngStream(1, "prompts"), 3).back(), 1);
  EXPECT_NO_THROW(load("5\n900000\n6\n", "permuted", 2));
  EXPECT_INPUT_ERROR(load("5\n900000\n6\n", "permuted", 3),
                     HasSubstr("request 2 (prompt row 1 of"));
}

TEST(LongestTest, CountsTheArrivalsOfAReplayWithinItsDuration) {
  const TempFolder folder;
  EXPECT_EQ(LongestOf(Workload{Replayed(folder, kReplayedPairs)}), "14+4 14+4 14+4 ");
  Overrides fewer = kReplayedPairs;
  fewer.push_back("workload.duration_s=1");
  EXPECT_EQ(LongestOf(Workload{Replayed(folder, fewer)}), "12+2 12+2 12+2 ");
  fewer.back() = "workload.requests=3";
  EXPECT_EQ(LongestOf(Workload{Replayed(folder, fewer)}), "13+3 13+3 13+3 ");
}

TEST(LongestTest, TakesTheMostThatMayBeDrawnAndAllRowsOfAnOpenEnd) {
  const TempFolder folder;
  EXPECT_EQ(LongestOf(Workload{
                WithPrompts(kLognormal, {"workload.requests=1", "workload.outputs.kind=geometric",
                                         "workload.outputs.mean=5"})}),
            "3968+128 3968+128 3968+128 ");
  WriteFileAtomically(folder / "p.csv", "prompt_tokens\n5\n6\n7\n");
  std::string text = SmallScenarioText();
  text.replace(text.find("requests = 1000"), 15, "duration_s = 0.001");
  text.erase(text.find("[workload.prompts]"));
  const Scenario s = ParseScenario(text + "[workload.prompts]\nkind = 'csv'\npath = 'p.csv'",
                                   folder.path() + "/small.toml");
  EXPECT_EQ(Workload{s}.longest().by_prompt.prompt_tokens, 7);
}

TEST(LongestTest, OfAHundredMillionRequestsIsTheLongestRows) {
  const TempFolder folder;
  WriteFileAtomically(folder / "p.csv", "prompt_tokens\n5\n6\n");
  const Scenario s = WithPrompts("kind = \"csv\"\npath = \"p.csv\"",
                                 {"workload.requests=100000000"}, folder.path());
  EXPECT_EQ(Workload{s}.longest().by_prompt.prompt_tokens, 6);
}

TEST(LongestTest, IsDescribedByWhereItsLengthsComeFrom) {
  const TempFolder folder;
  const auto describe = [](const Scenario& scenario) {
    const Workload workload(scenario);
    return workload.Describe(workload.longest().by_sum);
  };
  EXPECT_EQ(describe(SmallScenario()),
            "every request (workload.prompts.tokens, workload.outputs.tokens)");
  EXPECT_EQ(describe(WithPrompts(kLognormal)),
            "a request (workload.prompts.max, workload.outputs.tokens)");
  EXPECT_EQ(
      describe(Replayed(folder, kReplayedOutputs)),
      "request 3 (workload.prompts.tokens, output row 3 of " + folder.path() + "/replay.csv)");
}

TEST(WorkloadTest, BadPromptFilesAreNamedWithLineAndColumn) {
  const TempFolder folder;
  const auto load = [&](const std::string& content) {
    WriteFileAtomically(folder / "p.csv", content);
    return Workload{WithPrompts("kind = \"csv\"\npath = \"p.csv\"", {}, folder.path())};
  };
  EXPECT_INPUT_ERROR(load("tokens\n1\n"), HasSubstr("'prompt_tokens'"));
  EXPECT_INPUT_ERROR(load("prompt_tokens\n"), HasSubstr("at least one row"));
  EXPECT_INPUT_ERROR(load("prompt_tokens\n5\n0\n"), HasSubstr("p.csv:3"));
  EXPECT_INPUT_ERROR(load("prompt_tokens\n1e9\n"), HasSubstr("'1e9'"));
  EXPECT_INPUT_ERROR(Workload{WithPrompts("kind = \"csv\"\npath = \"q.csv\"", {}, folder.path())},
                     HasSubstr("q.csv"));
}

}  // namespace
}  // namespace hat
