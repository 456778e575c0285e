// Small runs of every system in which one thing breaks, once at each moment at which it can: every
// request ends or is reported, whatever anybody held is free again, the other devices' tokens and
// rounds are those of the run in which nothing breaks, and the laws hold (Rig::Run).
#include <gmock/gmock.h>

#include <set>
#include <string>

#include "tests/protocol/rig.h"

namespace hat {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

constexpr int kDevices = 3;
constexpr int kRequests = 5;

// Five requests on three devices, of which a cloud of three stages holds three at a time and a
// device serves one; the fourth and fifth wait.
RigOptions Options(const std::string& system) {
  RigOptions options;
  options.system = FindSystem(system);
  options.system.options.chunk_initial = 5;
  options.system.options.chunk_min = 4;
  options.system.options.max_draft = 3;
  options.system.options.cut_tokens = 4;
  options.cloud = {.replicas = 1, .stages = 3, .token_budget = 16, .kv_tokens = 60};
  options.devices = kDevices;
  options.max_sessions = 1;
  options.hidden = 4;
  options.drafter = SeededDrafter(3, 0.7);
  return options;
}

Request RequestOf(int id) {
  return MakeRequest(id, 6 + id, 4 + id % 2, Milliseconds(0.5 * id), id % kDevices);
}

class FaultTest : public testing::TestWithParam<std::string> {
 protected:
  FaultTest() : baseline_(Options(GetParam())) { Play(baseline_); }

  static void Play(Rig& rig) {
    for (int id = 0; id < kRequests; ++id) rig.Arrive(RequestOf(id));
    rig.Run();
  }

  // All that completed made the tokens and rounds of the run in which nothing breaks; all but
  // `may_fail` completed.
  void Check(const Rig& rig, const std::set<int>& may_fail) {
    for (int id = 0; id < kRequests; ++id) {
      if (rig.record.failures.contains(id)) {
        EXPECT_TRUE(may_fail.contains(id))
            << "request " << id << " failed: " << rig.record.failures.at(id);
        continue;
      }
      EXPECT_EQ(RoundsOf(rig.record, id), RoundsOf(baseline_.record, id)) << "request " << id;
      EXPECT_EQ(rig.record.TokensOut(id), baseline_.record.TokensOut(id)) << "request " << id;
    }
  }
  static std::set<int> RequestsOf(int device) {
    std::set<int> requests;
    for (int id = device; id < kRequests; id += kDevices) requests.insert(id);
    return requests;
  }
  static std::set<int> All() {
    std::set<int> requests;
    for (int id = 0; id < kRequests; ++id) requests.insert(id);
    return requests;
  }

  Rig baseline_;
};
class CloudFaultTest : public FaultTest {};

TEST_P(FaultTest, ADeviceVanishes) {
  ASSERT_THAT(baseline_.record.failures, IsEmpty());
  ASSERT_GT(baseline_.events(), 40);
  for (int device = 0; device < kDevices; ++device) {
    for (int k = 0; k < baseline_.events(); ++k) {
      SCOPED_TRACE(testing::Message() << "device " << device << " vanishes at event " << k);
      Rig* playing = nullptr;
      RigOptions options = Options(GetParam());
      options.on_event = [&](int index) {
        if (index != k) return;
        playing->world().CallAt(Seconds(0), [&] { playing->Vanish(device); });
      };
      Rig rig(options);
      playing = &rig;
      Play(rig);
      Check(rig, RequestsOf(device));
      if (HasFailure()) return;
    }
  }
}

TEST_P(CloudFaultTest, TheCloudVanishes) {
  for (int k = 0; k < baseline_.events(); ++k) {
    SCOPED_TRACE(testing::Message() << "the cloud vanishes at event " << k);
    Rig* playing = nullptr;
    RigOptions options = Options(GetParam());
    options.on_event = [&](int index) {
      if (index != k) return;
      playing->world().CallAt(Seconds(0), [&] { playing->VanishCloud(); });
    };
    Rig rig(options);
    playing = &rig;
    Play(rig);
    Check(rig, All());
    if (HasFailure()) return;
  }
}

// A session whose frame is lost waits for an answer, or the cloud for its next frame.
RigOptions Impatient(const std::string& system) {
  RigOptions options = Options(system);
  options.answer_timeout = Seconds(1);
  options.cloud.idle_timeout = Seconds(2);
  return options;
}

TEST_P(CloudFaultTest, AFrameIsLost) {
  ASSERT_GT(baseline_.frames(), 20);
  for (int k = 0; k < baseline_.frames(); ++k) {
    SCOPED_TRACE(testing::Message() << "frame " << k << " is lost");
    int hit = -1;
    RigOptions options = Impatient(GetParam());
    options.on_frame = [&](int index, int device, Frame&) {
      if (index == k) hit = device;
      return index != k;
    };
    Rig rig(options);
    Play(rig);
    Check(rig, RequestsOf(hit));
    if (HasFailure()) return;
  }
}

// What no device of the protocol says at that moment. (A session's first frame may well name
// another number or another length: that is another request, and no fault.)
struct Garbling {
  const char* what;
  void (*change)(Frame& frame);
};
bool Opens(const Frame& frame) { return frame.header.first_position == 0; }
constexpr Garbling kGarblings[] = {
    {"another kind", [](Frame& f) { f.header.kind = FrameKind::kRawToken; }},
    {"an unknown kind", [](Frame& f) { f.header.kind = static_cast<FrameKind>(99); }},
    // Of tokens: how many a round made within what was asked for only the cloud knows.
    {"a count too high",
     [](Frame& f) { f.header.count += f.header.kind == FrameKind::kRawToken ? 4 : 1; }},
    {"a negative count", [](Frame& f) { f.header.count = -1; }},
    {"the highest count", [](Frame& f) { f.header.count = INT32_MAX; }},
    {"a position far off", [](Frame& f) { f.header.first_position += 100; }},
    {"the highest position", [](Frame& f) { f.header.first_position = INT32_MAX; }},
    {"another dtype", [](Frame& f) { f.header.dtype = Dtype::kFloat32; }},
    {"no prompt", [](Frame& f) { f.header.prompt_tokens = 0; }},
    {"more output", [](Frame& f) { f.header.output_tokens += Opens(f) ? 0 : 1; }},
    {"an unknown session", [](Frame& f) { f.header.session += Opens(f) ? 0 : 1000; }},
    {"another device's session", [](Frame& f) { f.header.session += Opens(f) ? 0 : 1; }},
    {"an impossible session", [](Frame& f) { f.header.session = UINT64_MAX; }},
    {"states cut off", [](Frame& f) { f.states.resize(f.states.size() / 2); }},
    {"states too many", [](Frame& f) { f.states.resize(f.states.size() + 8); }},
    {"parents of no tree", [](Frame& f) { f.parents.push_back(7); }},
    {"a path of no tree",
     [](Frame& f) {
       f.kept = {3, 1};
     }},
};

TEST_P(CloudFaultTest, AFrameIsGarbage) {
  for (const Garbling& garbling : kGarblings) {
    for (int k = 0; k < baseline_.frames(); ++k) {
      SCOPED_TRACE(testing::Message() << "frame " << k << " has " << garbling.what);
      int hit = -1;
      RigOptions options = Impatient(GetParam());
      options.on_frame = [&](int index, int device, Frame& frame) {
        if (index != k) return true;
        hit = device;
        garbling.change(frame);
        return true;
      };
      Rig rig(options);
      Play(rig);
      SCOPED_TRACE(testing::Message()
                   << "frame " << k << " of device " << hit << " has " << garbling.what);
      Check(rig, RequestsOf(hit));
      if (HasFailure()) return;
    }
  }
}

TEST_P(CloudFaultTest, AStageThrows) {
  ASSERT_GT(baseline_.stage_calls(), 20);
  for (const bool is_late : {false, true}) {
    for (int k = 0; k < baseline_.stage_calls(); ++k) {
      SCOPED_TRACE(testing::Message() << "call " << k << " of a stage throws");
      std::set<int> of_batch;
      RigOptions options = Options(GetParam());
      options.failing_stage_call = k;
      options.fails_late = is_late;
      options.on_failed = [&](const Batch& batch) {
        for (const BatchPart& part : batch.parts) of_batch.insert(part.request());
      };
      Rig rig(options);
      Play(rig);
      Check(rig, of_batch);
      for (const int id : of_batch) {
        EXPECT_THAT(rig.record.failures[id], HasSubstr("a stage failed"));
      }
      if (HasFailure()) return;
    }
  }
}

const std::string kCloudSystems[] = {"hat",      "u-shape",    "u-sarathi",
                                     "u-medusa", "cloud-only", "cloud-sd"};
INSTANTIATE_TEST_SUITE_P(EverySystem, CloudFaultTest, testing::ValuesIn(kCloudSystems));
INSTANTIATE_TEST_SUITE_P(EverySystem, FaultTest,
                         testing::Values("hat", "u-shape", "u-sarathi", "u-medusa", "cloud-only",
                                         "cloud-sd", "device-only"));

}  // namespace
}  // namespace hat
