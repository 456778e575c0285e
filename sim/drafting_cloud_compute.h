// cloud-sd: speculative decoding whole in the cloud. A draft model beside the target proposes what
// the target verifies, so that only text travels. Its steps run on stage 0's GPU, for all sequences
// of a batch together, before the target's layers: a draft of n tokens takes n + 1 of them, as on a
// device, and the first one puts new prompt positions into its cache as well. Its weights and cache
// take no room (vicuna-68m: 0.14 GB and 6 kB per token).
#pragma once

#include <memory>
#include <unordered_map>
#include <vector>

#include "protocol/policies/drafting.h"
#include "sim/cloud_compute.h"
#include "sim/draft_chain.h"

namespace hat {

// The chains of all sessions, whichever replica they come to.
class CloudChains {
 public:
  CloudChains(const World& world, const DraftSource& drafts) : drafts_(drafts), mutex_(world) {}

  void Add(const Request& request);  // before its first frame
  void Remove(const SessionKey& session);
  DraftChain& Of(const SessionKey& session);

 private:
  const DraftSource& drafts_;
  WorldMutex mutex_;  // of the map; a chain is used by one activity at a time
  std::unordered_map<SessionKey, DraftChain, SessionKeyHash> chains_;
};

class DraftingCloudCompute : public SimCloudCompute {
 public:
  // `draft`: the whole draft model on one GPU. References must outlive this.
  DraftingCloudCompute(World& world, const Scenario& scenario, const CloudProfile& target,
                       const CloudProfile& draft, CloudChains& chains, int replica);

  void Forget(const SessionKey& session) override;
  int CommitTokens(const BatchPart& part) override;
  int Draft(const SessionKey& session, int most) override;

 protected:
  Seconds Latency(int stage, const Batch& batch) override;

 private:
  Seconds StepLatency(const Batch& batch, int step) const;

  const CloudProfile& draft_;
  int replica_;
  RngStream jitter_;  // keyed by (replica, batch ordinal, step)
  bool has_jitter_;
  std::vector<int> draft_layers_;  // by class
  std::unique_ptr<DraftingPolicy> policy_;
  CloudChains& chains_;
};

}  // namespace hat
