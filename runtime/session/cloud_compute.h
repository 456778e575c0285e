// The CloudCompute port on a real model: the layers after the split, a cache per session and stage.
#pragma once

#include <unordered_map>
#include <vector>

#include "protocol/ports.h"
#include "runtime/model/kv_cache.h"
#include "runtime/model/submodels.h"
#include "world/world.h"

namespace hat {

// What a cloud holds of a model: layers split..layers - 1 over `stages`.
struct CloudModel {
  CloudModel(const Model& model, int split, int stages, const Compute& compute, Dtype wire);

  std::vector<MiddleModel> stages;
  Compute compute;
  Dtype wire;
  int hidden;
};

class LiveCloudCompute : public CloudCompute {
 public:
  // `cache_slots`: room for a session's positions and, beside them, a tree's nodes or a draft.
  // Between stages states keep the compute's dtype; at the cuts they have the wire's. A batch lasts
  // 1 ms on the world's clock.
  LiveCloudCompute(const CloudModel& model, int cache_slots, World& world)
      : model_(model), cache_slots_(cache_slots), world_(world) {}

  // Throws InputError if a session's part does not continue its cache.
  void RunStage(int stage, Batch& batch) override;
  void Forget(const SessionKey& session) override { sessions_.erase(session); }
  Seconds CrossStageLink(int, const Batch&) override { return world_.Now(); }

  size_t sessions() const { return sessions_.size(); }  // whose caches take memory

 private:
  struct StageCache {
    KvCache cache;
    int tree_root = 0;  // the slot of the newest tree's root
  };
  StageCache& CacheOf(const SessionKey& session, int stage);
  SequencePart Prepare(const BatchPart& part, int stage);

  const CloudModel& model_;
  int cache_slots_;
  World& world_;
  std::unordered_map<SessionKey, std::vector<StageCache>, SessionKeyHash> sessions_;
};

}  // namespace hat
