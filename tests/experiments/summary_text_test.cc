#include "experiments/results/summary_text.h"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "core/terminal_text.h"
#include "experiments/results/results.h"
#include "tests/experiments/event_log.h"

namespace hat {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

std::string SummaryOf(const EventLog& log, bool is_partial = false) {
  RecorderOptions options;
  options.classes = {"xavier", "orin"};
  options.class_of_device = {0, 1};
  options.stages = 2;
  Recorder recorder(options);
  Play(log, recorder);
  RunInfo info;
  info.scenario = "tiny";
  info.system = "hat";
  info.seed = 7;
  info.is_partial = is_partial;
  return SummaryJson(recorder, info);
}

TEST(SummaryTextTest, SaysTheFiguresOnAPage) {
  EXPECT_EQ(SummaryText(SummaryOf(LifeOfOneRequest())),
            R"(tiny: hat, seed 7. Simulated.
requests     1 arrived, 1 completed; 1 measured (after the warm-up)

ms                  mean        p50        p90        p99
TTFT                44.0       44.0       44.0       44.0
TBT = TPOT          9.50       9.50       9.50       9.50
end to end          63.0       63.0       63.0       63.0

TTFT is      queue 0.0 + device compute 18.0 + uplink wait 0.0 + upload 4.0 +
             cloud wait 2.0 + cloud compute 15.0 + download 3.0 + head 2.0
a round      2.000 tokens; 1 of 1 drafted tokens (100%) were accepted
throughput   45.8 tokens/s over 0.1 s
busy         xavier 40%, orin 0%, uplinks 6%, downlinks 2%, stages 26% 26%
)");
}

TEST(SummaryTextTest, SaysWhatWentWrong) {
  EventLog log = LifeOfOneRequest();
  log.resize(9);
  const std::string text = SummaryText(SummaryOf(log, true));
  EXPECT_THAT(text, AllOf(HasSubstr("1 in flight"), HasSubstr("interrupted"), HasSubstr("- "),
                          Not(HasSubstr("a round "))));
  auto json = nlohmann::ordered_json::parse(SummaryOf(LifeOfOneRequest()));
  json["saturated"] = true;
  json["requests"]["failed"] = 2;
  EXPECT_THAT(SummaryText(json.dump()), AllOf(HasSubstr("2 failed"), HasSubstr("saturated")));
}

TEST(SummaryTextTest, LargeFiguresFitATerminal) {
  auto json = nlohmann::ordered_json::parse(SummaryOf(LifeOfOneRequest()));
  for (const char* key : {"ttft_ms", "tbt_ms", "e2e_ms", "ttft_parts_ms"}) {
    for (auto& [name, value] : json[key].items()) value = 12345678.9;
  }
  for (const char* key : {"drafted", "accepted", "ahead_steps", "wasted_steps"}) {
    json[key] = 123456789;
  }
  json["utilisation"]["stage"] = std::vector<double>(40, 0.995);
  const std::string text = SummaryText(json.dump());
  EXPECT_LE(ColumnsOfTable(text), kTerminalColumns) << text;
}

TEST(SummaryTextTest, NamesWhySomethingIsNotPossible) {
  RunInfo info;
  info.system = "device-only";
  EXPECT_EQ(SummaryText(NotPossibleJson(info, "too large")),
            "device-only: not possible: too large\n");
}

}  // namespace
}  // namespace hat
