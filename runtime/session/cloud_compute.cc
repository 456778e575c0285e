#include "runtime/session/cloud_compute.h"

#include <string>
#include <utility>

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include "core/error.h"
#include "protocol/system.h"
#include "runtime/session/states.h"

namespace hat {

CloudModel::CloudModel(const Model& model, int split, int stage_count, const Compute& the_compute,
                       Dtype the_wire)
    : compute(the_compute), wire(the_wire), hidden(model.config.shape.hidden) {
  int first = split;
  for (const int layers : LayersOfStages(model.config.shape.layer_count() - split, stage_count)) {
    stages.emplace_back(model, first, first + layers, compute);
    first += layers;
  }
}

LiveCloudCompute::StageCache& LiveCloudCompute::CacheOf(const SessionKey& session, int stage) {
  std::vector<StageCache>& caches = sessions_[session];
  while (caches.size() < model_.stages.size()) {
    caches.push_back({model_.stages[caches.size()].MakeCache(cache_slots_)});
  }
  return caches[static_cast<size_t>(stage)];
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

void LiveCloudCompute::RunStage(int stage, Batch& batch) {
  const at::NoGradGuard no_grad;
  const bool is_last = stage + 1 == static_cast<int>(model_.stages.size());
  const Dtype from = stage == 0 ? model_.wire : model_.compute.dtype;
  const Dtype to = is_last ? model_.wire : model_.compute.dtype;
  std::vector<SequencePart> parts;
  std::vector<at::Tensor> states;
  for (const BatchPart& part : batch.parts) {
    parts.push_back(Prepare(part, stage));
    states.push_back(DecodeStates(part.states, model_.hidden, from, model_.compute));
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
  world_.SleepUntil(world_.Now() + Milliseconds(1));
}

}  // namespace hat
