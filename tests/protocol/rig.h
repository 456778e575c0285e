// Devices, links and a cloud in the in-memory world, wired as the real worlds wire them.
#pragma once

#include <map>
#include <memory>
#include <vector>

#include "experiments/laws/laws.h"
#include "protocol/deployment.h"
#include "tests/protocol/fake_cloud.h"
#include "tests/protocol/fake_device.h"
#include "tests/protocol/faults.h"
#include "tests/protocol/record.h"
#include "world/memory_world.h"

namespace hat {

struct RigOptions {
  SystemSpec system = FindSystem("u-shape");
  CloudConfig cloud{.replicas = 1, .stages = 1, .token_budget = 4096, .kv_tokens = 1'000'000};
  int devices = 1;
  int max_sessions = 8;
  int hidden = 512;  // 1024 B a position
  BytesPerSecond up = BytesPerSecond(1e6);
  BytesPerSecond down = BytesPerSecond(2e6);
  Seconds latency = Milliseconds(2);
  ExtraDelay extra_delay;
  DeviceLatency device_latency;  // default: each operation 1 ms + 0.1 ms per token
  StageLatency stage_latency;    // default: 2 ms + 0.05 ms per token
  Seconds stage_link;
  Drafter drafter = SeededDrafter(1, 0.6);
  MedusaRanks medusa;                        // default: right with probability about one half
  const DraftingPolicy* drafting = nullptr;  // instead of the system's
  bool drafter_reads_prompt = true;
  // What a session computes with, made of what it would: by default that.
  std::function<std::unique_ptr<DeviceCompute>(std::unique_ptr<FakeDeviceCompute>)> change_compute;
  Seconds answer_timeout = Seconds::Infinity();

  // Of tests that break something (faults.h).
  FaultyLinks::OnArrival on_frame;              // a frame arrives
  std::function<void(int index)> on_event;      // an observer has been told something
  int failing_stage_call = -1;                  // of all stages' calls
  bool fails_late = false;                      // after 3 ms of it
  std::function<void(const Batch&)> on_failed;  // by it
};

class Rig {
 public:
  explicit Rig(RigOptions options);

  void Arrive(const Request& request);

  // Until everything has ended; checks what holds for every system, the laws among it.
  void Run();

  // From now on nothing passes between the device and the cloud. Its sessions end; the cloud
  // notices 5 ms later.
  void Vanish(int device);
  // Nobody reaches the cloud any more, and devices notice at once.
  void VanishCloud();

  const RigOptions& options() const { return options_; }
  const FakeCloudCompute& replica(size_t i) const { return *replicas_[i]; }
  Seconds Now() const { return world_.Now(); }
  MemoryWorld& world() { return world_; }
  int stage_calls() const { return stage_calls_; }
  int frames() const { return links_->frames(); }
  int events() const { return counter_.events(); }
  DeviceMonitor& monitor(int device) { return deployment_->monitor(device); }

  Record record;
  std::map<int, int> started_before;  // by request: how many its device had started

 private:
  void AddDevice();
  void CheckLaws();

  RigOptions options_;
  MemoryWorld world_;
  FakeDeviceModel model_;
  std::vector<std::unique_ptr<FakeCloudCompute>> replicas_;
  std::vector<std::unique_ptr<ComputeQueue>> gpus_;
  std::vector<std::unique_ptr<FailingCloudCompute>> failing_;
  int stage_calls_ = 0;
  EventCounter counter_;
  std::unique_ptr<Laws> laws_;
  ObserverList observers_;
  std::unique_ptr<FaultyLinks> links_;
  std::unique_ptr<Deployment> deployment_;
};

// A request at device 0.
Request MakeRequest(int id, int prompt_tokens, int output_tokens, Seconds arrival = Seconds(0),
                    int device = 0);

// What a request's rounds must be, whatever the timing: protocol.md's rule, replayed on the
// drafter.
struct ExpectedRound {
  int drafted = 0;
  int accepted = 0;
  bool operator==(const ExpectedRound&) const = default;
};
std::vector<ExpectedRound> ExpectedRounds(const RigOptions& options, const Request& request);
std::vector<ExpectedRound> RoundsOf(const Record& record, int request);

}  // namespace hat
