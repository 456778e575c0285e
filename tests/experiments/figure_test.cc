// Figures: what their data are made of, and pages about results.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "core/files.h"
#include "experiments/report/html.h"
#include "experiments/report/report.h"
#include "experiments/sweep/figure_data.h"
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
  refuses(figure, "must name the series that a speedup is over");
  refuses(
      "kind = \"shares\"\nseries = \"system.name\"\nmetrics = [\"speedup.ttft_ms\"]\n"
      "relative_to = \"hat\"",
      "is of a run, not of its requests");
  refuses("kind = \"bars\"\nseries = \"seed\"\nmetrics = [\"a\"]\nrelative_to = \"1\"",
          "there is none");
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
  const Sweep sweep = Open(
      "kind = \"bars\"\nseries = \"system.name\"\nmetrics = [\"ttft_ms.mean\", \"ttfr_ms.mean\"]");
  Finish(sweep, 0);
  EXPECT_INPUT_ERROR(MakeFigureData(sweep, temp_ / "published.csv"),
                     HasSubstr("no run has the figure 'ttfr_ms.mean'"));
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
