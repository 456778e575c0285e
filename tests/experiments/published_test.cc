#include "experiments/results/published.h"

#include <gmock/gmock.h>

#include "core/files.h"
#include "tests/core/expect_error.h"
#include "tests/core/temp_folder.h"

namespace hat {
namespace {

constexpr char kHeader[] = "experiment,model,workload,rate_per_s,system,metric,value,unit,source\n";

std::vector<PublishedValue> Read(const std::string& rows, double rate_per_s = 6) {
  const TempFolder temp;
  WriteFileAtomically(temp / "published.csv", kHeader + rows);
  return PublishedFor(temp / "published.csv", "tiny", "vicuna-7b", rate_per_s);
}

TEST(PublishedTest, OnlyTheSameExperimentModelAndRateApply) {
  const auto values = Read(
      "tiny,vicuna-7b,w,6,hat,ttft_ms.mean,384.2,ms,a\n"
      "tiny,vicuna-7b,w,4,hat,ttft_ms.mean,300,ms,a\n"
      "tiny,vicuna-13b,w,6,hat,ttft_ms.mean,900,ms,a\n"
      "tiny2,vicuna-7b,w,6,hat,ttft_ms.mean,500,ms,a\n");
  ASSERT_EQ(values.size(), 1u);
  EXPECT_EQ(values[0].value, 384.2);
  EXPECT_EQ(values[0].rate_per_s, 6);
}

TEST(PublishedTest, ValueWithoutARateYieldsToOneWith) {
  const auto values = Read(
      "tiny/ablation,vicuna-7b,w,,hat,ttft_ms.mean,384.3,ms,a\n"
      "tiny/ablation,vicuna-7b,w,,hat,tbt_ms.mean,26.4,ms,a\n"
      "tiny,vicuna-7b,w,6,hat,ttft_ms.mean,384.2,ms,a\n");
  ASSERT_EQ(values.size(), 2u);
  EXPECT_EQ(values[0].value, 384.2);
  EXPECT_EQ(values[1].metric, "tbt_ms.mean");
  EXPECT_FALSE(values[1].rate_per_s);
}

TEST(PublishedTest, BadNumberNamesItsPlace) {
  EXPECT_INPUT_ERROR(Read("tiny,vicuna-7b,w,6,hat,ttft_ms.mean,much,ms,a\n"),
                     testing::HasSubstr("published.csv:2"));
}

TEST(PublishedTest, ShippedFileGivesTheQuickstartItsMarks) {
  const auto values =
      PublishedFor("experiments/paper/published.csv", "spec_bench_7b", "vicuna-7b", 6);
  int ttft = 0, tbt = 0;
  for (const PublishedValue& value : values) {
    if (value.metric == "ttft_ms.mean" && value.rate_per_s) ++ttft;
    if (value.metric == "tbt_ms.mean" && !value.rate_per_s) ++tbt;
  }
  EXPECT_EQ(ttft, 4);  // hat, u-sarathi, u-medusa, u-shape
  EXPECT_EQ(tbt, 5);   // the ablation's lines
}

}  // namespace
}  // namespace hat
