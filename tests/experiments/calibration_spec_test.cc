#include "experiments/calibrate/spec.h"

#include <gmock/gmock.h>

#include "core/files.h"
#include "tests/core/expect_error.h"
#include "tests/core/temp_folder.h"

namespace hat {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class CalibrationSpecTest : public testing::Test {
 protected:
  CalibrationSpecTest() {
    WriteFileAtomically(folder_ / "published.csv",
                        "experiment,model,workload,rate_per_s,system,metric,value,unit,source\n"
                        "main,m,w,6,hat,ttft_ms.mean,384.2,ms,a paper\n"
                        "main,m,w,6,u-shape,ttft_ms.mean,646,ms,a paper\n"
                        "main,m,w,6,other,ttft_ms.mean,700,ms,a paper\n"
                        "main,m,w,6,nothing,ttft_ms.mean,0,ms,a paper\n");
  }
  CalibrationSpec Load(const std::string& text) {
    WriteFileAtomically(folder_ / "spec.toml", text);
    return LoadCalibrationSpec(folder_ / "spec.toml");
  }
  // The whole with one text in place of another.
  void Refuses(const std::string& from, const std::string& to, const std::string& words) {
    std::string text = kWhole;
    const size_t at = text.find(from);
    ASSERT_NE(at, std::string::npos) << from;
    text.replace(at, from.size(), to);
    EXPECT_INPUT_ERROR(Load(text), HasSubstr(words)) << to;
  }

  const std::string kWhole = R"(
scenario = "s.toml"
published = "published.csv"
set = ["workload.requests=100"]

[[assumption]]
name = "in turn"
set = ["workload.devices=in-turn"]
reason = "so"

[[parameter]]
name = "latency_ms"
keys = [{key = "link.latency_ms"}, {key = "x.y", a = 40, b = -2, text = "[{}, 1]"}]
low = 1
high = 10
scale = "log"
prior = 2
spread = 0.7
reason = "unknown"

[[case]]
name = "6/s"
systems = ["hat", "u-shape"]

[[targets]]
name = "TTFT"
experiment = "main"
metric = "ttft_ms.mean"
case = "6/s"
systems = ["hat", "u-shape"]

[[targets]]
name = "ratio"
experiment = "main"
metric = "ttft_ms.mean"
case = "6/s"
systems = ["hat"]
published_systems = ["other"]
form = "ratio"
of = "u-shape"
ours = ["a", "b"]
weight = 0.5

[[alternative]]
name = "at random"
set = ["workload.devices=random"]
reason = "users"
)";
  TempFolder folder_;
};

TEST_F(CalibrationSpecTest, ReadsAllOfIt) {
  const CalibrationSpec spec = Load(kWhole);
  EXPECT_EQ(spec.name, "spec");
  EXPECT_EQ(spec.scenario, folder_ / "s.toml");
  EXPECT_EQ(spec.seeds, 1);
  EXPECT_EQ(spec.sigma, 0.08);
  ASSERT_EQ(spec.parameters.size(), 1u);
  EXPECT_TRUE(spec.parameters[0].is_log);
  EXPECT_EQ(spec.parameters[0].keys[0].ValueAt(1.0 / 3), "0.333333");
  EXPECT_EQ(spec.parameters[0].keys[1].ValueAt(5), "[30, 1]");
  ASSERT_EQ(spec.targets.size(), 3u);
  EXPECT_EQ(spec.targets[0].published, 384.2);
  EXPECT_EQ(spec.targets[1].system, "u-shape");
  EXPECT_EQ(spec.targets[2].published, 700);
  EXPECT_EQ(spec.targets[2].relation, Relation::kSpeedup);
  EXPECT_THAT(spec.targets[2].metrics, ElementsAre("a", "b"));
  EXPECT_EQ(spec.targets[2].weight, 0.5);
  EXPECT_EQ(spec.targets[2].Name(), "main, other, ttft_ms.mean");
}

TEST_F(CalibrationSpecTest, RefusesWhatIsWrongWithItsPlace) {
  Refuses("low = 1\n", "low = 0\n", "spec.toml:14: 'parameter.0.low' must be a number > 0");
  Refuses("high = 10\n", "high = 1\n", "'parameter.0.high' must be above low = 1");
  Refuses("prior = 2\n", "prior = 20\n", "'parameter.0.prior' must be");
  Refuses("text = \"[{}, 1]\"", "text = \"[1]\"", "must have {} where the number stands");
  Refuses("case = \"6/s\"\nsystems = [\"hat\", \"u-shape\"]\n\n[[targets]]",
          "case = \"4/s\"\nsystems = [\"hat\"]\n\n[[targets]]", "'4/s' is none of the cases");
  Refuses("of = \"u-shape\"", "of = \"u-medusa\"", "'u-medusa' is no system of the case '6/s'");
  Refuses("metric = \"ttft_ms.mean\"", "metric = \"tbt_ms.mean\"",
          "has no row of experiment 'main', system 'hat', metric 'tbt_ms.mean'");
  Refuses("published_systems = [\"other\"]", "published_systems = [\"nothing\"]",
          "with a value other than 0");
  Refuses("published_systems = [\"other\"]", "published_systems = [\"hat\", \"u-shape\"]",
          "as many as published_systems");
  Refuses("name = \"at random\"", "nam = \"at random\"", "'alternative.0.name'");
  Refuses("weight = 0.5", "wieght = 0.5", "wieght");
  Refuses("set = [\"workload.devices=random\"]", "set = [\"random\"]", "must hold texts");
  Refuses("high = 10\n", "high = 1.000001\n", "shows in six digits");
  Refuses("workload.devices=random", "link.latency_ms=2",
          "'alternative' sets 'link.latency_ms', which a parameter sets");
  Refuses("set = [\"workload.devices=in-turn\"]", "set = [\"a=1\", \"a=2\"]",
          "'assumption' sets 'a' twice");
  Refuses("key = \"x.y\"", "key = \"link.latency_ms\"", "'parameter' sets 'link.latency_ms' twice");
  Refuses("[[case]]\n", "[[case]]\nset = [\"workload.devices=random\"]\n",
          "'case' sets 'workload.devices', which an assumption sets");
  Refuses("[[case]]\n", "[[case]]\nset = [\"system.name=hat\"]\n", "'system.name', which");
  Refuses("systems = [\"hat\", \"u-shape\"]\n\n[[targets]]\nname = \"TTFT\"",
          "systems = [\"hat\", \"hat\"]\n\n[[targets]]\nname = \"TTFT\"", "names 'hat' twice");
  Refuses("name = \"latency_ms\"", "name = \"a|b\"", "must not hold '|'");
  Refuses("spread = 0.7", "spread = 1e-300", "'parameter.0.spread'");
  Refuses("[[parameter]]", "[[parameters]]", "must be there 1 to 6 times, is 0 times");
}

}  // namespace
}  // namespace hat
