#include "experiments/watch/timeline.h"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "core/files.h"
#include "tests/core/expect_error.h"
#include "tests/core/temp_folder.h"
#include "tests/experiments/event_log.h"
#include "tests/experiments/timeline_tracks.h"

namespace hat {
namespace {

using Json = nlohmann::json;
using testing::HasSubstr;

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

TEST(TimelineTest, SlicesOfATrackNest) { EXPECT_EQ(BrokenTrack(Document()), ""); }

// In ns: rounded apart, the request would last from 1 to 1 + 1, its head from 2 to 2 + 1.
TEST(TimelineTest, PointsInTimeAreRoundedNotDurations) {
  Timeline timeline;
  timeline.OnArrival({0, 0, 0, Seconds(0.7e-9), 1, 1});
  timeline.OnDeviceOp(
      Op(0, DeviceOp::kInput, 1, 0, {Seconds(0.7e-9), Seconds(0.7e-9), Seconds(1.5e-9)}));
  timeline.OnDeviceOp(
      Op(0, DeviceOp::kHead, 1, 0, {Seconds(1.5e-9), Seconds(1.5e-9), Seconds(2.1e-9)}));
  timeline.OnEnd(0, Outcome::kCompleted, Seconds(2.1e-9));
  const std::string text = timeline.Json();
  EXPECT_THAT(text, HasSubstr(R"("name":"input","ts":0.001,"dur":0.001)"));
  EXPECT_THAT(text, HasSubstr(R"("name":"head","ts":0.002,"dur":0.000)"));
  EXPECT_THAT(text, HasSubstr(R"("name":"request 0","ts":0.001,"dur":0.001)"));
  EXPECT_EQ(BrokenTrack(Json::parse(text)), "");
}

// The latest arrival that a workload may have is at 1e9 s.
TEST(TimelineTest, LateTimesAreExactToTheNanosecond) {
  Timeline timeline;
  const double start = 1e6 + 0.5;
  timeline.OnDeviceOp(Op(0, DeviceOp::kInput, 1, 0,
                         {Seconds(start), Seconds(start), Seconds(start + 0.25 + 1.0 / 512)}));
  EXPECT_THAT(timeline.Json(), HasSubstr(R"("ts":1000000500000.000,"dur":251953.125)"));
  timeline.OnDeviceOp(Op(0, DeviceOp::kHead, 1, 0, {Seconds(1e9), Seconds(1e9), Seconds(1e9 + 3)}));
  EXPECT_THAT(timeline.Json(), HasSubstr(R"("ts":1000000000000000.000,"dur":3000000.000)"));
}

// Request 21's thread must not be the one that request 0 has in process 21.
TEST(TimelineTest, RequestsOfADeviceHaveThreadsOfTheirOwn) {
  Timeline timeline;
  for (const int request : {0, 21}) {
    timeline.OnArrival({request, 10, 0, Ms(request), 1, 1});
    timeline.OnEnd(request, Outcome::kCompleted, Ms(50 + request));
  }
  EXPECT_EQ(BrokenTrack(Json::parse(timeline.Json())), "");
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
