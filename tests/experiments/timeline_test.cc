#include "experiments/timeline.h"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "core/files.h"
#include "tests/core/expect_error.h"
#include "tests/core/temp_folder.h"
#include "tests/experiments/event_log.h"

namespace hat {
namespace {

using Json = nlohmann::json;

std::vector<Json> EventsOf(const Json& document, const std::string& phase) {
  std::vector<Json> events;
  for (const Json& event : document["traceEvents"]) {
    if (event["ph"] == phase) events.push_back(event);
  }
  return events;
}

Json Document() {
  Timeline timeline;
  Play(LifeOfOneRequest(), timeline);
  return Json::parse(timeline.Json());
}

TEST(TimelineTest, EmptyRunIsADocument) {
  EXPECT_EQ(Json::parse(Timeline().Json())["traceEvents"].size(), 0u);
}

// 7 operations, 4 frames up, 2 down, 6 stages, the request itself.
TEST(TimelineTest, EveryEventIsThereInMicroseconds) {
  const std::vector<Json> spans = EventsOf(Document(), "X");
  ASSERT_EQ(spans.size(), 7u + 4 + 2 + 6 + 1);
  EXPECT_EQ(spans[0]["name"], "input");
  EXPECT_EQ(spans[0]["ts"], 0);
  EXPECT_EQ(spans[0]["dur"], 10000);
  EXPECT_EQ(spans[0]["args"]["tokens"], 2);
  EXPECT_EQ(spans[1]["name"], "prefill");
  EXPECT_EQ(spans[1]["args"]["bytes"], 80);
  EXPECT_EQ(spans[1]["args"]["arrived_ms"], 16);
  EXPECT_EQ(EventsOf(Document(), "i").size(), 2u);  // token events
}

TEST(TimelineTest, ProcessesAndThreadsAreNamedOnce) {
  std::vector<std::string> names;
  for (const Json& event : EventsOf(Document(), "M")) names.push_back(event["args"]["name"]);
  EXPECT_THAT(names,
              testing::UnorderedElementsAre("device 0", "request 0", "link of device 0", "uplink",
                                            "downlink", "cloud replica 0", "stage 0", "stage 1"));
}

TEST(TimelineTest, SpansOfAThreadNest) {
  for (const Json& a : EventsOf(Document(), "X")) {
    for (const Json& b : EventsOf(Document(), "X")) {
      if (a["pid"] != b["pid"] || a["tid"] != b["tid"]) continue;
      const double a0 = a["ts"], a1 = a0 + a["dur"].get<double>();
      const double b0 = b["ts"], b1 = b0 + b["dur"].get<double>();
      const bool apart = a1 <= b0 || b1 <= a0;
      const bool nested = (a0 <= b0 && b1 <= a1) || (b0 <= a0 && a1 <= b1);
      EXPECT_TRUE(apart || nested) << a << b;
    }
  }
}

TEST(TimelineTest, FileIsTheSameDocumentAndAppearsWhole) {
  const TempFolder temp;
  {
    Timeline timeline(temp / "run.json");
    Play(LifeOfOneRequest(), timeline);
    EXPECT_FALSE(std::filesystem::exists(temp / "run.json"));
    timeline.Finish();
  }
  EXPECT_EQ(temp.List(), std::vector<std::string>{"run.json"});
  EXPECT_EQ(Json::parse(ReadFile(temp / "run.json")), Document());
}

TEST(TimelineTest, LongRunIsStreamed) {
  const TempFolder temp;
  Timeline timeline(temp / "run.json");
  timeline.OnArrival({0, 0, 0, Ms(0), 1, 1});
  constexpr int kSteps = 20000;
  for (int i = 0; i < kSteps; ++i) {
    timeline.OnDeviceOp(Op(0, DeviceOp::kDraft, 1, i, SpanMs(i, i, i + 1)));
  }
  timeline.Finish();
  EXPECT_EQ(EventsOf(Json::parse(ReadFile(temp / "run.json")), "X").size(), size_t{kSteps});
}

TEST(TimelineTest, UnfinishedFileIsRemoved) {
  const TempFolder temp;
  { const Timeline timeline(temp / "run.json"); }
  EXPECT_TRUE(temp.List().empty());
}

TEST(TimelineTest, PathThatCannotBeWrittenIsAnError) {
  const TempFolder temp;
  EXPECT_RUN_ERROR(Timeline(temp / "no/run.json"), testing::HasSubstr("cannot write"));
}

TEST(TimelineTest, FullDiskIsAnError) {
  Timeline timeline("/dev/full");
  Play(LifeOfOneRequest(), timeline);
  EXPECT_RUN_ERROR(timeline.Finish(), testing::HasSubstr("No space left"));
}

}  // namespace
}  // namespace hat
