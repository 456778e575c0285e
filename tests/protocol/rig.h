// Devices, links and a cloud in the in-memory world, wired as the real worlds wire them.
#pragma once

#include <map>
#include <memory>
#include <vector>

#include "protocol/deployment.h"
#include "tests/protocol/fake_cloud.h"
#include "tests/protocol/fake_device.h"
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
  DeviceLatency device_latency;  // default: each operation 1 ms + 0.1 ms a token
  StageLatency stage_latency;    // default: 2 ms + 0.05 ms a token
  Seconds stage_link;
  Drafter drafter = SeededDrafter(1, 0.6);
  MedusaRanks medusa;                        // default: right with probability about one half
  const DraftingPolicy* drafting = nullptr;  // instead of the system's
};

class Rig {
 public:
  explicit Rig(RigOptions options);

  void Arrive(const Request& request);

  // Until everything has ended; checks the laws that hold for every system.
  void Run();

  const RigOptions& options() const { return options_; }
  const FakeCloudCompute& replica(size_t i) const { return *replicas_[i]; }
  Seconds Now() const { return world_.Now(); }
  DeviceMonitor& monitor(int device) { return deployment_->monitor(device); }

  Record record;
  std::map<int, int> started_before;  // by request: how many its device had started

 private:
  void AddDevice();
  void CheckLaws() const;

  RigOptions options_;
  MemoryWorld world_;
  FakeDeviceModel model_;
  std::vector<std::unique_ptr<FakeCloudCompute>> replicas_;
  std::vector<std::unique_ptr<ComputeQueue>> gpus_;
  std::unique_ptr<Links> links_;
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
