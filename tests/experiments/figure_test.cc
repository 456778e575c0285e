// Figures: what their data are made of, and pages about results.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "core/files.h"
#include "experiments/report/html.h"
#include "experiments/report/report.h"
#include "experiments/sweep/figure_data.h"
#include "experiments/sweep/figure_table.h"
#include "experiments/sweep/run_utilisation.h"
#include "experiments/sweep/unit_store.h"
#include "tests/core/expect_error.h"
#include "tests/core/temp_folder.h"
#include "tests/experiments/scenario_text.h"

namespace hat {
namespace {

namespace fs = std::filesystem;
using testing::AllOf, testing::ElementsAre, testing::HasSubstr, testing::IsEmpty, testing::SizeIs;

constexpr const char* kPublished =
    "experiment,model,workload,rate_per_s,system,metric,value,unit,source\n"
    "paper,m,w,4,hat,ttft_ms.mean,100,ms,\"a, b\"\n"
    "paper/part,m,w,,hat,ttft_ms.mean,50,ms,c\n"
    "other,m,w,4,hat,ttft_ms.mean,7,ms,d\n";

class FigureTest : public testing::Test {
 protected:
  FigureTest() {
    WriteFileAtomically(temp_ / "small.toml", SmallScenarioText());
    for (const char* profile : {"a-fast", "a-slow", "b", "cloud"}) {
      WriteFileAtomically(fmt::format("{}/{}.json", temp_.path(), profile), profile);
    }
    WriteFileAtomically(temp_ / "program", "1");
    WriteFileAtomically(temp_ / "published.csv", kPublished);
  }

  static constexpr const char* kRates =
      "[[axis]]\nkey = \"workload.rate_per_s\"\nvalues = [2, 4]\n";

  Sweep Open(const std::string& figure, const std::string& axis = "", bool is_quick = false) {
    WriteFileAtomically(temp_ / "plan.toml",
                        "scenario = \"small.toml\"\nsystems = [\"hat\", \"u-shape\"]\nseeds = 2\n" +
                            axis + "[figure]\nquestion = \"Why?\"\n" + figure);
    SweepOptions options{temp_ / "plan.toml", temp_ / "out", {}, {temp_ / "program"}};
    options.is_quick = is_quick;
    return OpenSweep(options);
  }

  // TTFT: 10 times the rate plus the seed, 100 more for u-shape.
  void Finish(const Sweep& sweep, size_t cell, bool is_saturated = false) {
    const std::vector<std::string>& values = sweep.plan.values[cell];
    const double rate = values.size() == 3 ? std::stod(values[1]) : 2;
    const double ttft = 10 * rate + std::stod(values.back()) + (values[0] == "u-shape" ? 100 : 0);
    const UnitStore store(sweep.folder);
    const std::string folder = store.Begin(sweep.keys[cell]);
    fs::create_directory(folder);
    WriteFileAtomically(folder + "/summary.json",
                        fmt::format(R"({{"label": "simulated", "system": "{}", "saturated": {},
                                         "ttft_ms": {{"mean": {}, "p90": null}}}})",
                                    values[0], is_saturated, ttft));
    std::string requests = "request,ttft_ms,outcome,measured\n0,1000,completed,0\n";
    for (int i = 0; i < 5; ++i) requests += fmt::format("{},{},completed,1\n", i + 1, ttft + i);
    requests += "6,,failed,1\n";
    WriteFileAtomically(folder + "/requests.csv", requests);
    store.Keep(sweep.keys[cell]);
  }

  TempFolder temp_;
};

TEST_F(FigureTest, APointIsTheMeanOverSeedsWithTheKeysOfItsRuns) {
  const Sweep sweep = Open(
      "kind = \"lines\"\nx = \"workload.rate_per_s\"\nseries = \"system.name\"\n"
      "metrics = [\"ttft_ms.mean\"]\nlabels = [\"TTFT (ms)\"]\npublished = \"paper\"",
      kRates);
  for (size_t cell = 0; cell < sweep.keys.size(); ++cell) Finish(sweep, cell, cell == 0);
  const FigureData data = MakeFigureData(sweep, temp_ / "published.csv");
  ASSERT_THAT(data.points, SizeIs(4));
  const FigurePoint& point = data.points[0];  // hat at 2: 21 and 22
  EXPECT_EQ(point.series, "hat");
  EXPECT_EQ(point.x, "2");
  ASSERT_TRUE(point.value);
  EXPECT_DOUBLE_EQ(point.value->mean, 21.5);
  EXPECT_NEAR(point.value->half_width, 12.7062 * std::sqrt(0.5) / std::sqrt(2), 1e-4);
  EXPECT_EQ(point.runs, 2);
  EXPECT_EQ(point.saturated_runs, 1);
  EXPECT_THAT(point.keys, ElementsAre(sweep.keys[0], sweep.keys[1]));
  EXPECT_DOUBLE_EQ(data.points[3].value->mean, 141.5);
  ASSERT_THAT(data.published, SizeIs(1));
  EXPECT_EQ(data.published[0].value, 100);
  EXPECT_THAT(FigureCsv(data), HasSubstr("published,hat,4,ttft_ms.mean,100,,,,\"a, b\","));
  EXPECT_EQ(nlohmann::json::parse(FigureJson(data)).at("points").at(3).at("mean"), 141.5);
}

TEST_F(FigureTest, SharesAreOfAllMeasuredRequestsThatCompleted) {
  const Sweep sweep = Open("kind = \"shares\"\nseries = \"system.name\"\nmetrics = [\"ttft_ms\"]");
  for (size_t cell = 0; cell < sweep.keys.size(); ++cell) Finish(sweep, cell);
  const FigureData data = MakeFigureData(sweep, temp_ / "published.csv");
  const std::vector<double>& shares = data.points[0].shares;  // 21 to 25 and 22 to 26
  ASSERT_THAT(shares, SizeIs(101));
  EXPECT_EQ(shares.front(), 21);
  EXPECT_EQ(shares[50], 23.5);
  EXPECT_EQ(shares.back(), 26);
}

// hat 21 and 22, u-shape 121 and 122: a ratio a seed, not the ratio of means.
TEST_F(FigureTest, ASpeedupIsOverTheOtherSeriesSeedBySeed) {
  const std::string figure =
      "kind = \"bars\"\nseries = \"system.name\"\nmetrics = [\"speedup.ttft_ms.mean\"]\n";
  const Sweep sweep = Open(figure + "relative_to = \"u-shape\"");
  for (const size_t cell : {0u, 1u, 2u}) Finish(sweep, cell);
  const FigureData one = MakeFigureData(sweep, temp_ / "published.csv");
  EXPECT_EQ(one.points[0].runs, 1) << "u-shape's second is not done";
  EXPECT_DOUBLE_EQ(one.points[0].value->mean, 121 / 21.0);
  Finish(sweep, 3);
  const FigureData data = MakeFigureData(sweep, temp_ / "published.csv");
  EXPECT_DOUBLE_EQ(data.points[0].value->mean, (121 / 21.0 + 122 / 22.0) / 2);
  EXPECT_THAT(data.points[0].keys, testing::ElementsAreArray(sweep.keys));
  EXPECT_EQ(data.points[1].value->mean, 1);
  EXPECT_EQ(data.points[1].value->half_width, 0);
  const auto refuses = [&](const std::string& text, const std::string& problem) {
    EXPECT_INPUT_ERROR(MakeFigureData(Open(text), temp_ / "published.csv"), HasSubstr(problem));
  };
  refuses(figure + "relative_to = \"u-turn\"", "must be a choice of 'system.name', got 'u-turn'");
  refuses(figure, "must name what \"speedup.\"");
  refuses(
      "kind = \"shares\"\nseries = \"system.name\"\nmetrics = [\"speedup.ttft_ms\"]\n"
      "relative_to = \"hat\"",
      "is of a run, not of its requests");
  refuses("kind = \"bars\"\nseries = \"seed\"\nmetrics = [\"a\"]\nrelative_to = \"1\"",
          "there is none");
}

// hat 21 and 22, u-shape 121 and 122, at 4 requests/s 20 more.
TEST_F(FigureTest, ATableHasTheErrorBesideEachOfOurs) {
  const std::string figure =
      "kind = \"table\"\nseries = \"system.name\"\nx = \"workload.rate_per_s\"\nrelative_to = "
      "\"hat\"\nmetrics = [\"ttft_ms.mean\", \"reduction.ttft_ms.mean\"]\nlabels = [\"TTFT "
      "(ms)\", \"hat lower (%)\"]\npublished = \"paper\"\n";
  const Sweep sweep = Open(figure, kRates);
  for (size_t cell = 0; cell + 1 < sweep.keys.size(); ++cell) Finish(sweep, cell, cell == 2);
  const FigureTable table = TableOf(MakeFigureData(sweep, temp_ / "published.csv"));
  EXPECT_THAT(
      table.rows,
      ElementsAre(
          ElementsAre("", "published", "2", "error", "4", "error"),
          ElementsAre("TTFT (ms): hat", "100", "21.50 ± 6.35", "-78%",
                      "41.50 ± 6.35 (1 of 2 saturated)", "-58%"),
          ElementsAre("TTFT (ms): u-shape", "", "121.5 ± 6.4", "", "141.0 (1 of 2 runs)", ""),
          ElementsAre("hat lower (%)", "", "82.31 ± 4.30", "", "70.92 (1 of 2 runs)", "")));
  EXPECT_THAT(table.columns, ElementsAre("2", "4"));
  EXPECT_THAT(table.errors, ElementsAre(ElementsAre(testing::DoubleEq(-0.785)),
                                        ElementsAre(testing::DoubleEq(-0.585))));
  EXPECT_THAT(MarkdownTable(table.rows),
              testing::StartsWith("| | published | 2 | error | 4 | error |\n"
                                  "|---|--:|--:|--:|--:|--:|\n"
                                  "| TTFT (ms): hat | 100 | 21.50 ± 6.35 | -78% |"));
  EXPECT_THAT(
      nlohmann::json::parse(FigureJson(MakeFigureData(sweep, temp_ / "published.csv"))).at("table"),
      SizeIs(4));
  const Sweep wrong = Open(figure + "published_metrics = [\"ttft_ms.mean\", \"lower\"]", kRates);
  EXPECT_INPUT_ERROR(CheckFigure(wrong, temp_ / "published.csv"),
                     HasSubstr("no published figure of 'paper' is a 'lower'"));
}

TEST_F(FigureTest, ATableMayHaveMetricsForRowsAndRelateColumns) {
  const Sweep sweep = Open(
      "kind = \"table\"\nx = \"system.name\"\nrelative_to = \"hat\"\nmetrics = [\"ttft_ms.mean + "
      "ttft_ms.mean\", \"saved.ttft_ms.mean\"]\nlabels = [\"twice\", \"saved (ms)\"]");
  for (size_t cell = 0; cell < sweep.keys.size(); ++cell) Finish(sweep, cell);
  const FigureTable table = TableOf(MakeFigureData(sweep, temp_ / "published.csv"));
  EXPECT_THAT(table.rows, ElementsAre(ElementsAre("", "hat", "u-shape"),
                                      ElementsAre("twice", "43.00 ± 12.71", "243.0 ± 12.7"),
                                      ElementsAre("saved (ms)", "", "100.0 ± 0.0")));
}

TEST(FigureTableTest, ErrorsAreOfTheColumnsThatAllTablesHave) {
  const FigureTable one{{}, {"a", "b"}, {{0.1, -0.3}, {0.5}}};
  const FigureTable other{{}, {"c", "a"}, {{9}, {-0.2}}};
  EXPECT_THAT(ErrorRows({one, other}),
              ElementsAre(ElementsAre("", "figures", "mean error", "beyond 20%", "largest"),
                          ElementsAre("a", "3", "20.0%", "1", "30%")));
  EXPECT_INPUT_ERROR(ErrorRows({one, FigureTable{{}, {"c"}, {{9}}}}),
                     HasSubstr("no column in common"));
}

TEST(FigureTableTest, ABarInAFieldDoesNotEndIt) {
  EXPECT_EQ(MarkdownTable({{"", "x|y"}, {"a\nb", ""}}), "| | x\\|y |\n|---|--:|\n| a b | |\n");
}

TEST(RelationTest, ReductionsAndSavingsAreOfTheBase) {
  EXPECT_EQ(Related(Relation::kSpeedup, 30, 40), 0.75);
  EXPECT_EQ(Related(Relation::kReduction, 30, 40), 25);
  EXPECT_EQ(Related(Relation::kSaved, 30, 40), 10);
  EXPECT_EQ(Related(Relation::kReduction, 30, 0), std::nullopt);
}

// Of hat's two runs one is busy all its 20 s, the other half of its first 40 of 80; u-shape's have
// not run. The longest run decides: 40 bins of 2 s.
TEST_F(FigureTest, OverTimeIsTheMeanOfRunsInCommonBins) {
  const Sweep sweep =
      Open("kind = \"over-time\"\nseries = \"system.name\"\nmetrics = [\"stage.0\"]");
  for (const size_t cell : {0u, 1u}) {
    Finish(sweep, cell);
    WriteFileAtomically(UnitStore(sweep.folder).FolderOf(sweep.keys[cell]) + "/utilisation.csv",
                        cell == 0 ? "from_s,to_s,stage.0\n0,9,1\n9,20,1\n"
                                  : "from_s,to_s,stage.0\n0,40,0.5\n40,80,0\n");
  }
  const FigureData data = MakeFigureData(sweep, temp_ / "published.csv");
  ASSERT_THAT(data.points, SizeIs(41));
  EXPECT_EQ(data.points[0].x, "1");
  EXPECT_EQ(data.points[3].value->mean, 0.75);
  EXPECT_EQ(data.points[9].value->mean, 0.75);
  EXPECT_EQ(data.points[10].value->mean, 0.25);
  EXPECT_EQ(data.points[20].value->mean, 0);
  EXPECT_EQ(data.points[39].runs, 2);
  EXPECT_EQ(data.points[40].no_figure, "not run");
}

TEST(RunUtilisationTest, StepsAreRound) {
  EXPECT_DOUBLE_EQ(RoundStep(2.34), 5);
  EXPECT_DOUBLE_EQ(RoundStep(1), 1);
  EXPECT_DOUBLE_EQ(RoundStep(0.0011), 0.002);
  EXPECT_DOUBLE_EQ(RoundStep(70), 100);
}

TEST_F(FigureTest, WhatIsNotThereIsSaid) {
  const Sweep sweep =
      Open("kind = \"bars\"\nseries = \"system.name\"\nmetrics = [\"ttft_ms.mean\"]");
  Finish(sweep, 0);
  UnitStore(sweep.folder).SetFailed(sweep.keys[2], {"out of memory", 1, 1});
  UnitStore(sweep.folder).SetFailed(sweep.keys[3], {"out of memory", 1, 1});
  const FigureData data = MakeFigureData(sweep, temp_ / "published.csv");
  EXPECT_EQ(data.points[0].runs, 1);  // of two
  EXPECT_TRUE(data.points[0].value);
  EXPECT_FALSE(data.points[0].no_figure);
  EXPECT_EQ(data.points[1].runs, 0);
  EXPECT_EQ(data.points[1].no_figure, "out of memory");
}

TEST_F(FigureTest, AMetricThatNoRunHasIsAMistake) {
  const auto refuses = [this](const std::string& kind, const std::string& metric,
                              const std::string& problem) {
    EXPECT_INPUT_ERROR(Open(fmt::format("kind = \"{}\"\nseries = \"system.name\"\nmetrics = "
                                        "[\"{}\"]\nrelative_to = \"{}\"",
                                        kind, metric, metric.starts_with("speedup") ? "hat" : "")),
                       AllOf(HasSubstr("plan.toml:8"), HasSubstr(problem)));
  };
  refuses("bars", "ttfr_ms.mean", "'ttfr_ms.mean', which summary.json never has; did you mean");
  refuses("bars", "speedup.tbt_ms.men", "did you mean 'tbt_ms.mean'?");
  refuses("table", "ttft_ms.mean + tbt", "'tbt', which summary.json never has");
  refuses("bars", "ttft_ms", "'ttft_ms', which");
  refuses("shares", "ttft_ms.mean", "requests.csv never has");
  refuses("over-time", "stages.0", "utilisation.csv never has");
  // What only the scenario can tell shows when the runs are done.
  const Sweep sweep = Open(
      "kind = \"bars\"\nseries = \"system.name\"\nmetrics = [\"ttft_ms.mean\", "
      "\"utilisation.stage.9\"]");
  Finish(sweep, 0);
  EXPECT_INPUT_ERROR(MakeFigureData(sweep, temp_ / "published.csv"),
                     HasSubstr("no run has the figure 'utilisation.stage.9'"));
}

TEST_F(FigureTest, ALogarithmicAxisHasNumbersAboveZero) {
  const std::string figure =
      "kind = \"lines\"\nseries = \"system.name\"\nmetrics = [\"ttft_ms.mean\"]\nx = ";
  EXPECT_INPUT_ERROR(
      Open(figure + "\"link.latency_ms\"\nx_log = true",
           "[[axis]]\nkey = \"link.latency_ms\"\nvalues = [0, 1]\n"),
      AllOf(HasSubstr("plan.toml"), HasSubstr("'figure.x_log' needs numbers above 0"),
            HasSubstr("'link.latency_ms' is '0'")));
  EXPECT_INPUT_ERROR(Open(figure + "\"system.name\""),
                     HasSubstr("'figure.x' needs numbers, but 'system.name' is 'hat'"));
}

TEST_F(FigureTest, AQuickLookHasItsOwnSeedsAndKeys) {
  const std::string figure =
      "kind = \"bars\"\nseries = \"system.name\"\nmetrics = [\"ttft_ms.mean\"]\n"
      "quick_set = [\"workload.requests=50\"]";
  EXPECT_THAT(Open(figure).keys, SizeIs(4));
  const Sweep quick = Open(figure, "", true);
  EXPECT_THAT(quick.keys, SizeIs(2));
  EXPECT_EQ(quick.plan.plan.cells[0].overrides[0], "workload.requests=50");
}

TEST_F(FigureTest, AxesThatItDoesNotShowAreRefused) {
  const Sweep sweep =
      Open("kind = \"bars\"\nseries = \"system.name\"\nmetrics = [\"ttft_ms.mean\"]", kRates);
  EXPECT_INPUT_ERROR(MakeFigureData(sweep, temp_ / "published.csv"),
                     HasSubstr("the axis 'workload.rate_per_s' of its plan is neither"));
  const auto refuses = [this](const std::string& figure, const std::string& problem) {
    EXPECT_INPUT_ERROR(Open(figure), AllOf(HasSubstr("plan.toml"), HasSubstr(problem)));
  };
  refuses("kind = \"pie\"\nseries = \"seed\"\nmetrics = [\"a\"]", "one of 'lines', 'bars'");
  refuses("kind = \"lines\"\nseries = \"seed\"\nmetrics = [\"a\"]", "must name an axis");
  refuses("kind = \"bars\"\nx = \"seed\"\nseries = \"seed\"\nmetrics = [\"a\"]", "alone");
  refuses("kind = \"bars\"\nseries = \"colour\"\nmetrics = [\"a\"]", "must be an axis of the plan");
  refuses("kind = \"bars\"\nseries = \"seed\"\nmetrics = []", "at least one");
  refuses("kind = \"bars\"\nseries = \"seed\"\nmetrics = [\"a\"]\nlabels = []", "must be 1");
  refuses("kind = \"bars\"\nseries = \"seed\"\nmetrics = [\"a\"]\ncolour = 1", "unknown key");
}

TEST_F(FigureTest, AnAxisMayHaveANameAndLabels) {
  WriteFileAtomically(
      temp_ / "plan.toml",
      "scenario = \"small.toml\"\n[[axis]]\nname = \"arm\"\nlabels = [\"a\", "
      "\"b\"]\nkeys = [\"cloud.stages\", \"cloud.token_budget\"]\nrows = [[1, 256], "
      "[4, 512]]\n[[axis]]\nkey = \"seed_of\"\nvalues = [1]\nwhen = [\"arm=b\"]\n");
  const SweepPlan plan = LoadSweepPlan(temp_ / "plan.toml");
  EXPECT_THAT(plan.axes, ElementsAre("arm", "seed_of", "seed"));
  EXPECT_THAT(plan.values, ElementsAre(ElementsAre("a", "", "1"), ElementsAre("b", "1", "1")));
  EXPECT_THAT(plan.plan.cells[0].overrides,
              ElementsAre("cloud.stages=1", "cloud.token_budget=256"));
}

TEST_F(FigureTest, AChoiceMaySetKeysOfItsOwn) {
  WriteFileAtomically(temp_ / "keys.toml", "[link]\nlatency_ms = 7\n");
  const std::string head = "scenario = \"small.toml\"\n";
  const std::string axis =
      "[[axis]]\nname = \"arm\"\nlabels = [\"as it is\", \"far\"]\nsets = [[], [\"@keys.toml\", "
      "\"cloud.stages=2\"]]\n";
  const auto load = [&](const std::string& text) {
    WriteFileAtomically(temp_ / "plan.toml", text);
    return LoadSweepPlan(temp_ / "plan.toml");
  };
  const SweepPlan plan = load(head + axis);
  EXPECT_THAT(plan.axes, ElementsAre("arm", "seed"));
  EXPECT_THAT(plan.values, ElementsAre(ElementsAre("as it is", "1"), ElementsAre("far", "1")));
  EXPECT_THAT(plan.plan.cells[0].overrides, IsEmpty());
  EXPECT_THAT(plan.plan.cells[1].overrides, ElementsAre("link.latency_ms=7", "cloud.stages=2"));
  EXPECT_THAT(plan.files, ElementsAre(temp_ / "keys.toml"));
  const auto refuses = [&](const std::string& text, const std::string& problem) {
    EXPECT_INPUT_ERROR(load(text), AllOf(HasSubstr("plan.toml"), HasSubstr(problem)));
  };
  refuses(head + "[[axis]]\nsets = [[]]\n", "'axis.0.name' is missing");
  refuses(head + "[[axis]]\nname = \"arm\"\nlabels = [\"a\"]\nsets = [\"x=1\"]\n",
          "must be an array of arrays");
  refuses(head + "[[axis]]\nname = \"arm\"\nlabels = [\"a\"]\nsets = [[\"x\"]]\n",
          "texts \"key=value\"");
  refuses(head + "[[axis]]\nname = \"arm\"\nlabels = [\"a\"]\nsets = [[\"seed=1\"]]\n",
          "for which the plan has 'seeds'");
  refuses(head + axis + "[[axis]]\nkey = \"cloud.stages\"\nvalues = [1]\n",
          "'cloud.stages', which is chosen already");
  EXPECT_INPUT_ERROR(load(head + "set = [\"cloud.stages=4\"]\n" + axis),
                     HasSubstr("the plan chooses 'cloud.stages' for each"));
}

TEST(HtmlTest, TextIsEscapedAndBytesAreBase64) {
  EXPECT_EQ(EscapedForHtml("<a href=\"x\">&</a>"), "&lt;a href=&quot;x&quot;&gt;&amp;&lt;/a&gt;");
  // RFC 4648, section 10.
  EXPECT_EQ(Base64(""), "");
  EXPECT_EQ(Base64("f"), "Zg==");
  EXPECT_EQ(Base64("fo"), "Zm8=");
  EXPECT_EQ(Base64("foobar"), "Zm9vYmFy");
}

TEST(HtmlTest, ALongTableSaysHowMuchIsLeftOut) {
  HtmlPage page("<t>");
  page.Table({{"a"}, {"1"}, {"2"}, {"3"}}, 2);
  EXPECT_THAT(page.Finish(),
              AllOf(HasSubstr("<title>&lt;t&gt;</title>"), HasSubstr("The first 2 of 3 rows"),
                    HasSubstr("<td class=\"number\">2</td>"), testing::Not(HasSubstr(">3</td>"))));
}

TEST(ReportTest, AFolderWithoutResultsIsRefused) {
  const TempFolder temp;
  EXPECT_INPUT_ERROR(ReportHtml(temp.path()), HasSubstr("holds no results"));
  WriteFileAtomically(temp / "comparison.json", "{");
  EXPECT_INPUT_ERROR(ReportHtml(temp.path()), HasSubstr("comparison.json"));
}

}  // namespace
}  // namespace hat
