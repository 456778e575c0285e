#include "experiments/watch/event_file.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <functional>

#include "experiments/laws/laws.h"
#include "experiments/watch/timeline.h"
#include "tests/core/expect_error.h"
#include "tests/core/temp_folder.h"
#include "tests/experiments/event_log.h"

namespace hat {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

class EventFileTest : public testing::Test {
 protected:
  // Writes the events that `holds` (all, without it) to a file.
  std::string Write(const std::string& name, const EventLog& log,
                    const std::function<bool(const Told&)>& holds = {}) {
    EventWriter writer(folder_ / name);
    for (const Told& told : log) {
      if (!holds || holds(told)) Play({told}, writer);
    }
    writer.Finish();
    return folder_ / name;
  }
  // What a timeline makes of the events of files.
  static std::string TimelineOf(const std::vector<std::string>& paths) {
    Timeline timeline;
    ReadEvents(paths, timeline);
    return timeline.Json();
  }
  static std::string TimelineOf(const EventLog& log) {
    Timeline timeline;
    Play(log, timeline);
    return timeline.Json();
  }
  void Refuses(const std::string& text, const std::string& words) {
    WriteFileAtomically(folder_ / "bad", text);
    Observer nobody;
    EXPECT_INPUT_ERROR(ReadEvents({folder_ / "bad"}, nobody), HasSubstr(words));
  }

  TempFolder folder_;
};

// All kinds of events, with numbers that no short decimal is.
EventLog SomeRun() {
  EventLog log = LifeOfOneRequest();
  for (int i = 0; i < 6; ++i) {
    FrameHeader& header = Nth<FrameEvent>(log, i).header;
    header.prompt_tokens = header.output_tokens = 3;
  }
  Nth<FrameEvent>(log, 2).header.cloud_s_per_token = 1.0f / 3;
  Nth<RoundEvent>(log, 0).at = Seconds(63e-3 * (1 + 1e-16) + 1e-19);
  return log;
}

TEST_F(EventFileTest, WhatIsReadIsWhatWasWritten) {
  const EventLog log = SomeRun();
  const std::string path = Write("all", log);
  EXPECT_EQ(TimelineOf({path}), TimelineOf(log));
  EventWriter again(folder_ / "again");
  ReadEvents({path}, again);
  again.OnFailure(1, "no \"answer\"\n", Ms(70));
  again.Finish();
  EXPECT_THAT(ReadFile(folder_ / "again"), testing::StartsWith(ReadFile(path)));
  EventWriter third(folder_ / "third");
  ReadEvents({folder_ / "again"}, third);
  third.Finish();
  EXPECT_EQ(ReadFile(folder_ / "third"), ReadFile(folder_ / "again"));
}

TEST_F(EventFileTest, WhatRanAsAPartOfAnotherOperationIsToldSo) {
  EventLog log = SomeRun();
  Nth<DeviceOpEvent>(log, 4).span.is_joined = true;
  class Joined : public Observer {
   public:
    void OnDeviceOp(const DeviceOpEvent& event) override { is.push_back(event.span.is_joined); }
    std::vector<bool> is;
  } joined;
  ReadEvents({Write("events", log)}, joined);
  ASSERT_GT(joined.is.size(), 4u);
  EXPECT_TRUE(joined.is[4]);
  EXPECT_EQ(std::ranges::count(joined.is, true), 1);
}

TEST_F(EventFileTest, ADevicesAndACloudsFilesMakeOneLawfulRun) {
  const EventLog log = SomeRun();
  const auto is_clouds = [](const Told& told) {
    return std::holds_alternative<StageTold>(told) || std::holds_alternative<AdmittedTold>(told);
  };
  const std::string cloud = Write("cloud", log, is_clouds);
  const std::string device =
      Write("device", log, [&](const Told& told) { return !is_clouds(told); });
  LawOptions options;
  options.hidden = kHidden;
  options.devices = 1;
  options.stages = 2;
  Laws laws(options);
  ReadEvents({device, cloud}, laws);
  laws.Finish(false);
  EXPECT_THAT(laws.violations().kept(), IsEmpty());
  EXPECT_EQ(laws.events(), static_cast<int64_t>(log.size()));
}

TEST_F(EventFileTest, ARefusedFrameMaySayAnything) {
  FrameHeader header;
  header.session = UINT64_MAX;
  header.kind = static_cast<FrameKind>(99);
  header.first_position = INT32_MIN;
  header.count = -1;
  EventWriter writer(folder_ / "refused");
  writer.OnRefused(3, header, "kind 99", Ms(1));
  writer.Finish();
  struct Reader : Observer {
    FrameHeader header;
    std::string why;
    void OnRefused(int, const FrameHeader& h, std::string_view w, Seconds) override {
      header = h;
      why = w;
    }
  } reader;
  ReadEvents({folder_ / "refused"}, reader);
  EXPECT_EQ(reader.header, header);
  EXPECT_EQ(reader.why, "kind 99");
}

TEST_F(EventFileTest, LinesMayComeInAnyOrder) {
  const std::string path = Write("all", SomeRun());
  std::string lines = ReadFile(path);
  const size_t first = lines.find('\n') + 1;  // the arrival, at 0
  lines = lines.substr(first) + lines.substr(0, first);
  WriteFileAtomically(folder_ / "late", lines);
  struct Arrived : Observer {
    bool has_arrived = false, is_first = true;
    void OnArrival(const Request&) override { has_arrived = true; }
    void OnDeviceOp(const DeviceOpEvent&) override { is_first = is_first && has_arrived; }
  } arrived;
  ReadEvents({folder_ / "late"}, arrived);
  EXPECT_TRUE(arrived.has_arrived && arrived.is_first);
}

TEST_F(EventFileTest, ALineThatIsNoEventIsNamed) {
  const std::string good = R"({"t":1,"event":"tokens","request":0,"count":1})"
                           "\n";
  Refuses(good + "tokens\n", "bad:2: no event");
  Refuses(R"({"t":-1,"event":"tokens","request":0,"count":1})", "bad:1: no event");
  Refuses(R"({"t":1,"event":"party"})", "'event' is no event: 'party'");
  Refuses(R"({"t":1,"event":"tokens","request":0})", "count");
  Refuses(R"({"t":1,"event":"tokens","request":-1,"count":1})", "'request'");
  Refuses(R"({"t":1,"event":"end","request":1,"outcome":"fine"})", "'outcome'");
  Refuses(R"({"t":1,"event":"tokens","request":0,"count":1)", "bad:1");
  const std::string zeros(128, '0');
  const std::string frame =
      R"({"t":1,"event":"frame","request":0,"device":0,"direction":"up","bytes":64,"sent_s":0,)"
      R"("start_s":0,"left_s":0,"arrived_s":0,"header":")";
  Refuses(frame + zeros + "\"}", "kind must be 1 to 7");
  Refuses(frame + "00\"}", "128 hexadecimal digits");
  Refuses(frame + std::string(128, 'x') + "\"}", "128 hexadecimal digits");
  Observer nobody;
  EXPECT_INPUT_ERROR(ReadEvents({folder_ / "none"}, nobody), HasSubstr("cannot be read"));
}

}  // namespace
}  // namespace hat
