// The CloudCompute port on a real model: the layers after the split, a cache per session and stage.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "protocol/ports.h"
#include "runtime/model/kv_cache.h"
#include "runtime/model/submodels.h"
#include "runtime/pace/pace.h"
#include "runtime/session/states.h"
#include "world/world.h"

namespace hat {

// What a cloud holds of a model: layers split..layers - 1 over `stages`.
struct CloudModel {
  // `state_bytes`: of a state in a frame, as StateFormat's.
  CloudModel(const Model& model, int split, int stages, const Compute& compute, Dtype wire,
             int64_t state_bytes = 0);

  std::vector<MiddleModel> stages;
  Compute compute;
  StateFormat wire;
  StateFormat between;  // of states from stage to stage: the compute's dtype, and nothing behind it
};

// For every world: each stage may be a thread.
class LiveCloudCompute : public CloudCompute {
 public:
  // `cache_slots`: room for a session's positions and, beside them, a tree's nodes or a draft; a
  // stage makes a session's cache at its first batch. References outlive this.
  LiveCloudCompute(const CloudModel& model, int cache_slots, World& world, StagePace& pace)
      : model_(model), cache_slots_(cache_slots), world_(world), pace_(pace) {}

  std::optional<std::string> StatesProblem(const States& states) const override;
  // Throws InputError if a session's part does not continue its cache.
  void RunStage(int stage, Batch& batch) override;
  void Forget(const SessionKey& session) override;
  Seconds CrossStageLink(int /*stage*/, const Batch& batch) override {
    return pace_.CrossStageLink(world_.Now(), batch);
  }

  size_t sessions() const;  // whose caches take memory

 private:
  struct StageCache {
    KvCache cache;
    int tree_root = 0;  // the slot of the newest tree's root
  };
  // By stage; each is used by its stage alone, and stays where it is.
  using Caches = std::vector<std::optional<StageCache>>;

  void Forward(int stage, Batch& batch);
  StageCache& CacheOf(const SessionKey& session, int stage);
  SequencePart Prepare(const BatchPart& part, int stage);

  const CloudModel& model_;
  int cache_slots_;
  World& world_;
  StagePace& pace_;
  mutable std::mutex mutex_;  // of the map, not of the caches in it
  std::unordered_map<SessionKey, std::unique_ptr<Caches>, SessionKeyHash> sessions_;
};

}  // namespace hat
