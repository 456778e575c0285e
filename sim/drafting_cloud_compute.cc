#include "sim/drafting_cloud_compute.h"

#include <algorithm>
#include <mutex>

namespace hat {

void CloudChains::Add(const Request& request) {
  const std::lock_guard lock(mutex_);
  chains_.emplace(SessionKey{request.device, static_cast<SessionId>(request.id)},
                  DraftChain(&drafts_, request));
}

void CloudChains::Remove(const SessionKey& session) {
  const std::lock_guard lock(mutex_);
  chains_.erase(session);
}

DraftChain& CloudChains::Of(const SessionKey& session) {
  const std::lock_guard lock(mutex_);
  return chains_.at(session);
}

DraftingCloudCompute::DraftingCloudCompute(World& world, const Scenario& scenario,
                                           const CloudProfile& target, const CloudProfile& draft,
                                           CloudChains& chains, int replica)
    : SimCloudCompute(world, scenario, target, replica),
      draft_(draft),
      replica_(replica),
      jitter_(scenario.seed, "draft model jitter"),
      has_jitter_(scenario.fleet.jitter && draft.has_spread()),
      draft_layers_(draft.info().model.LayersOfClasses(0, draft.info().model.layer_count())),
      policy_(MakeDraftingPolicy(scenario.system.drafting, scenario.system.options)),
      chains_(chains) {}

void DraftingCloudCompute::Forget(const SessionKey& session) { chains_.Remove(session); }

int DraftingCloudCompute::CommitTokens(const BatchPart& part) {
  if (part.kind != FrameKind::kVerify) return 1;
  return 1 + chains_.Of(part.session).Accept(part.tokens - 1);
}

int DraftingCloudCompute::Draft(const SessionKey& session, int most) {
  DraftChain& chain = chains_.Of(session);
  int drafted = 0;
  while (policy_->GoesOn({chain.Step(), drafted}) && drafted < most) ++drafted;
  return drafted;
}

Seconds DraftingCloudCompute::Latency(int stage, const Batch& batch) {
  Seconds latency = SimCloudCompute::Latency(stage, batch);
  if (stage > 0) return latency;
  int steps = 1;
  for (const BatchPart& part : batch.parts) {
    if (part.kind == FrameKind::kVerify) steps = std::max(steps, part.tokens);
  }
  for (int step = 0; step < steps; ++step) latency += StepLatency(batch, step);
  return latency;
}

// The draft model on what is at its step `step` of the batch: a verification of n + 1 positions
// takes as many steps, a position each; a part of a prompt takes one step.
Seconds DraftingCloudCompute::StepLatency(const Batch& batch, int step) const {
  std::vector<BatchedSequence> sequences;
  int tokens = 0;
  int heads = 0;
  for (const BatchPart& part : batch.parts) {
    const bool drafts = part.kind == FrameKind::kVerify;
    if (drafts ? step >= part.tokens : step > 0) continue;
    sequences.push_back(drafts ? BatchedSequence{1, part.first_position + step}
                               : BatchedSequence{part.tokens, part.first_position});
    tokens += sequences.back().tokens;
    heads += drafts;
  }
  const double quantile =
      has_jitter_ ? jitter_
                        .At(static_cast<uint64_t>(replica_), static_cast<uint64_t>(batch.ordinal),
                            static_cast<uint64_t>(step))
                        .Uniform()
                  : kMedian;
  Seconds latency =
      draft_.Layers(draft_layers_, sequences, quantile) + draft_.Embedding(tokens, quantile);
  if (heads > 0) latency += draft_.Head(heads, quantile);
  return latency;
}

}  // namespace hat
