#include "runtime/session/cloud_compute.h"

#include <string>
#include <utility>

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include "core/error.h"
#include "protocol/system.h"

namespace hat {

CloudModel::CloudModel(const Model& model, int split, int stage_count, const Compute& the_compute,
                       Dtype the_wire, int64_t state_bytes)
    : compute(the_compute),
      wire(the_wire, model.config.shape.hidden, state_bytes),
      between(the_compute.dtype, model.config.shape.hidden) {
  int first = split;
  for (const int layers : LayersOfStages(model.config.shape.layer_count() - split, stage_count)) {
    stages.emplace_back(model, first, first + layers, compute);
    first += layers;
  }
}

LiveCloudCompute::StageCache& LiveCloudCompute::CacheOf(const SessionKey& session, int stage) {
  const auto index = static_cast<size_t>(stage);
  Caches* caches = nullptr;
  {
    const std::lock_guard lock(mutex_);
    std::unique_ptr<Caches>& kept = sessions_[session];
    if (!kept) kept = std::make_unique<Caches>(model_.stages.size());
    caches = kept.get();
  }
  std::optional<StageCache>& cache = (*caches)[index];
  if (!cache) cache.emplace(StageCache{model_.stages[index].MakeCache(cache_slots_)});
  return *cache;
}

void LiveCloudCompute::Forget(const SessionKey& session) {
  std::unique_ptr<Caches> caches;  // goes after the lock
  const std::lock_guard lock(mutex_);
  const auto found = sessions_.find(session);
  if (found == sessions_.end()) return;
  caches = std::move(found->second);
  sessions_.erase(found);
}

size_t LiveCloudCompute::sessions() const {
  const std::lock_guard lock(mutex_);
  return sessions_.size();
}

// Brings the session's cache to where the part goes on.
SequencePart LiveCloudCompute::Prepare(const BatchPart& part, int stage) {
  StageCache& of_stage = CacheOf(part.session, stage);
  KvCache& cache = of_stage.cache;
  if (!part.kept.empty()) {
    cache.Keep(of_stage.tree_root, part.kept);
  } else if (part.first_position < cache.size()) {
    cache.TruncateTo(part.first_position);
  }
  if (part.first_position != cache.size()) {
    throw InputError("session " + std::to_string(part.session.number) + ": a frame for position " +
                     std::to_string(part.first_position) + " where " +
                     std::to_string(cache.size()) + " are known");
  }
  of_stage.tree_root = part.first_position;
  SequencePart sequence{&cache, part.tokens, {}};
  for (const int32_t parent : part.parents) {
    sequence.parents.push_back(part.first_position + parent);  // the root's is -1
  }
  return sequence;
}

std::optional<std::string> LiveCloudCompute::StatesProblem(const States& states) const {
  if (AreFinite(states, model_.wire)) return std::nullopt;
  return "a hidden state is not finite";
}

void LiveCloudCompute::RunStage(int stage, Batch& batch) {
  const Seconds start = world_.Now();
  const Seconds pace = pace_.Run(stage, batch, start, [&] { Forward(stage, batch); });
  world_.SleepUntil(start + pace);
}

void LiveCloudCompute::Forward(int stage, Batch& batch) {
  const at::NoGradGuard no_grad;  // of this thread
  const bool is_last = stage + 1 == static_cast<int>(model_.stages.size());
  const StateFormat& from = stage == 0 ? model_.wire : model_.between;
  const StateFormat& to = is_last ? model_.wire : model_.between;
  std::vector<SequencePart> parts;
  std::vector<at::Tensor> states;
  for (const BatchPart& part : batch.parts) {
    parts.push_back(Prepare(part, stage));
    states.push_back(DecodeStates(part.states, from, model_.compute));
    if (states.back().size(0) != part.tokens) {
      throw InputError("session " + std::to_string(part.session.number) + ": a frame with " +
                       std::to_string(states.back().size(0)) + " states in place of " +
                       std::to_string(part.tokens));
    }
  }
  const at::Tensor out = model_.stages[static_cast<size_t>(stage)].Forward(
      at::cat(states), parts);  // [tokens, hidden]
  int64_t row = 0;
  for (BatchPart& part : batch.parts) {
    part.states = EncodeStates(out.narrow(0, row, part.tokens), to);
    row += part.tokens;
  }
}

}  // namespace hat
