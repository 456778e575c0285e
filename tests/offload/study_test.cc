#include "offload/study.h"

#include <gmock/gmock.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "core/files.h"
#include "offload/report.h"
#include "tests/core/expect_error.h"
#include "tests/core/temp_folder.h"

namespace hat {
namespace {

using testing::AllOf;
using testing::HasSubstr;

constexpr char kSpec[] = R"(
[exits]
table = "exits.csv"
[devices]
count = 6
rate_per_s = [1, 2]
[[stage]]
name = "first"
nodes = 3
capacity_per_s = [4, 8]
[[stage]]
name = "second"
nodes = 2
capacity_per_s = [4, 8]
[links]
degree = 2
mbps = [5, 50]
kilobytes = 20
[study]
loads = [0.4, 0.8]
deciders = ["dto-ee", "capacity", "no-exits"]
seeds = 2
[play]
seconds = 300
warm_up_s = 20
)";

class StudyTest : public testing::Test {
 protected:
  StudyTest() {
    WriteFileAtomically(folder_ / "spec.toml", kSpec);
    std::string table = "confidence_1,right_1,confidence_2,right_2\n";
    for (int i = 0; i < 100; ++i) table += (i % 2 == 0 ? "0.9,1" : "0.3,0") + std::string(",1,1\n");
    WriteFileAtomically(folder_ / "exits.csv", table);
  }
  OffloadSpec Load(const std::vector<std::string>& overrides, bool is_quick = false) const {
    return LoadOffloadSpec(folder_ / "spec.toml", overrides, is_quick);
  }
  OffloadStudy Study(const std::vector<std::string>& overrides = {}) const {
    const OffloadSpec spec = Load(overrides);
    return *StudyOffloading(spec, ExitTable::Load(spec.table_path), {});
  }

  const TempFolder folder_;
};

TEST_F(StudyTest, EveryDeciderIsPlayedAtEveryLoadAndSeed) {
  const OffloadStudy study = Study();
  ASSERT_EQ(study.runs.size(), 12u);
  ASSERT_EQ(study.cells.size(), 6u);
  EXPECT_FALSE(study.cells[0].saved);
  ASSERT_TRUE(study.cells[1].saved);
  const double first = 1 - study.runs[0].played.delay_mean_s / study.runs[2].played.delay_mean_s;
  const double second = 1 - study.runs[1].played.delay_mean_s / study.runs[3].played.delay_mean_s;
  EXPECT_NEAR(study.cells[1].saved->mean, (first + second) / 2, 1e-12);
  EXPECT_EQ(study.cells[2].accuracy.mean, 1);  // without exits all are the whole model's
  for (const OffloadRun& run : study.runs) {
    if (run.decider != "capacity") continue;
    EXPECT_NEAR(run.load_factor, run.load, 1e-9);
    EXPECT_NEAR(run.played.accuracy, 1, 1e-12);  // who is wrong is not sure
  }
  EXPECT_GT(study.actors.messages, 0);
}

TEST_F(StudyTest, TheSameSpecIsTheSameStudy) {
  EXPECT_EQ(OffloadCsv(Study()), OffloadCsv(Study()));
  EXPECT_NE(OffloadCsv(Study()), OffloadCsv(Study({"seed=2"})));
}

TEST_F(StudyTest, ChangesAndFailuresCostTimeButNoTask) {
  const OffloadStudy still = Study(),
                     changing = Study({"changes.every_s=30", "changes.fail_share=0.2"});
  for (size_t i = 0; i < still.runs.size(); ++i) {
    EXPECT_EQ(still.runs[i].played.tasks, changing.runs[i].played.tasks);
  }
  EXPECT_GT(changing.cells[1].delay_ms.mean, still.cells[1].delay_ms.mean);
}

TEST_F(StudyTest, WhatIsWrongIsSaidWithItsPlace) {
  const auto refuses = [&](const std::string& override, const auto& words) {
    EXPECT_INPUT_ERROR(Load({override}), words);
  };
  refuses("study.loads=[0.5, 1.2]", AllOf(HasSubstr("study.loads"), HasSubstr("0.999")));
  refuses("study.loads=[0.5, 0.5]", HasSubstr("names one twice"));
  refuses("study.deciders=[\"oracle\"]", HasSubstr("dto-ee, nearest"));
  refuses("devices.rate_per_s=[2, 1]", HasSubstr("must be [low, high]"));
  refuses("play.warm_up_s=400", HasSubstr("less than play.seconds"));
  refuses("changes.spread=0.2", HasSubstr("changes.spread"));
  refuses("links.degre=2", HasSubstr("degree"));
  WriteFileAtomically(folder_ / "exits.csv", "confidence_1,right_1\n1,1\n");
  EXPECT_INPUT_ERROR(Study(), AllOf(HasSubstr("1 exits"), HasSubstr("2 stages")));
}

TEST_F(StudyTest, AQuickOneIsShorter) {
  const OffloadSpec quick = Load({"study.loads=[0.2, 0.4, 0.6]", "study.seeds=5"}, true);
  EXPECT_EQ(quick.loads, (std::vector<double>{0.2, 0.6}));
  EXPECT_EQ(quick.seeds, 2);
  EXPECT_EQ(quick.seconds, 60);
}

TEST_F(StudyTest, ReportsSayTheSame) {
  const OffloadSpec spec = Load({});
  const OffloadStudy study = Study();
  const auto json = nlohmann::json::parse(OffloadJson(spec, study));
  EXPECT_EQ(json["label"], "simulated");
  EXPECT_NEAR(json["cells"][1]["delay_ms"]["mean"].get<double>(), study.cells[1].delay_ms.mean,
              1e-6);
  EXPECT_THAT(OffloadText(spec, study), AllOf(HasSubstr("load 0.4"), HasSubstr("no-exits")));
  EXPECT_EQ(
      nlohmann::json::parse(OffloadManifest(spec))["table"]["sha256"].get<std::string>().size(),
      64u);
}

}  // namespace
}  // namespace hat
