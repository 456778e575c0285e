// A cloud replica for tests: latencies from a function, a cache per stage and session of which it
// knows the length. Fails the test when a batch does not continue the caches.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <tuple>
#include <utility>
#include <vector>

#include "protocol/policies/drafting.h"
#include "protocol/ports.h"
#include "tests/protocol/fake_device.h"
#include "world/fifo_link.h"
#include "world/world.h"

namespace hat {

using StageLatency = std::function<Seconds(int stage, const Batch& batch)>;

class FakeCloudCompute : public CloudCompute {
 public:
  // A batch crosses from stage to stage in `stage_link`, alone.
  FakeCloudCompute(World& world, int stages, StageLatency latency, size_t bytes_each,
                   Seconds stage_link = Seconds(0))
      : world_(world),
        stages_(stages),
        latency_(std::move(latency)),
        bytes_each_(bytes_each),
        stage_link_(stage_link) {}

  // cloud-sd: what its draft model says, and how long it goes on.
  void DraftBy(Drafter drafter, std::unique_ptr<DraftingPolicy> policy) {
    drafter_ = std::move(drafter);
    policy_ = std::move(policy);
  }

  void RunStage(int stage, Batch& batch) override;
  void Forget(const SessionKey& session) override;
  Seconds CrossStageLink(int stage, const Batch& batch) override;
  int CommitTokens(const BatchPart& part) override;
  int Draft(const SessionKey& session, int most) override;

  size_t caches() const { return caches_.size(); }
  const std::vector<SessionId>& forgotten() const { return forgotten_; }

 private:
  struct Cache {
    int positions = 0;
    int root = 0;                  // position of the newest tree's root
    std::vector<int32_t> parents;  // of the newest tree
  };
  void Append(Cache& cache, const BatchPart& part);
  void KeepPath(Cache& cache, const BatchPart& part);
  std::vector<int32_t> PositionsOfPart(const BatchPart& part) const;

  World& world_;
  int stages_;
  StageLatency latency_;
  size_t bytes_each_;
  Seconds stage_link_;
  Seconds link_free_;
  // By number, link, stage: of one process, in which numbers are unique but for a device's links.
  std::map<std::tuple<SessionId, int, int>, Cache> caches_;
  std::vector<SessionId> forgotten_;
  Drafter drafter_;
  std::unique_ptr<DraftingPolicy> policy_;
  std::map<SessionId, int> tokens_out_;  // of sessions that it drafts for
};

}  // namespace hat
