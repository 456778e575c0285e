#include "runtime/session/live_session.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include "core/error.h"
#include "runtime/session/states.h"

namespace hat {

std::vector<std::vector<Likely>> LikeliestOf(const at::Tensor& logits, int k) {
  return LikeliestTokens(logits, std::min(k, static_cast<int>(logits.size(-1))));
}

DeviceModel::DeviceModel(const Model& model, int split, const Compute& the_compute, Dtype the_wire)
    : input(model, split, the_compute),
      head(model, the_compute, &input),
      compute(the_compute),
      wire(the_wire),
      hidden(model.config.shape.hidden),
      max_positions(model.config.max_positions) {}

LiveSession::LiveSession(const DeviceModel& model, ComputeQueue& gpu, const NearTieRule& near,
                         int cache_slots, const std::vector<int>& end_tokens, SessionTokens& tokens)
    : input_cache(model.input.MakeCache(cache_slots)),
      model_(model),
      gpu_(gpu),
      near_(near),
      end_tokens_(end_tokens),
      tokens_(tokens) {}

int LiveSession::newest_position() const {
  return static_cast<int>(tokens_.prompt.size() + tokens_.output.size()) - 1;
}

Span LiveSession::Run(int tokens, const std::function<void()>& work) {
  return gpu_.Work([&] {
    const at::NoGradGuard no_grad;
    work();
    return Milliseconds(1) + Milliseconds(0.01) * tokens;
  });
}

at::Tensor LiveSession::Shallow(std::span<const int32_t> ids, std::vector<int32_t> parents) {
  const SequencePart part{&input_cache, static_cast<int>(ids.size()), std::move(parents)};
  return model_.input.Forward(ids, {&part, 1});
}

States LiveSession::Encode(const at::Tensor& shallow) const {
  States states = EncodeStates(shallow, model_.wire);
  RequireFinite(states, model_.wire);
  return states;
}

at::Tensor LiveSession::Deep(const States& states) const {
  const Dtype dtype = model_.wire;
  RequireFinite(states, dtype);
  return DecodeStates(states, model_.hidden, dtype, model_.compute);
}

at::Tensor LiveSession::Deep(const States& states, int count) const {
  const at::Tensor deep = Deep(states);
  if (deep.size(0) != count) {
    throw InputError("the cloud answered " + std::to_string(count) + " states with " +
                     std::to_string(deep.size(0)));
  }
  return deep;
}

std::vector<std::vector<Likely>> LiveSession::TargetTokens(const at::Tensor& deep) const {
  return LikeliestOf(model_.head.Logits(deep), 2);
}

void LiveSession::Note(NearTie::Decision decision, int output_index,
                       const std::vector<Likely>& best) {
  const auto n = best.size();
  if (n < 2 || !near_.IsNear(best[n - 2].logit, best[n - 1].logit)) return;
  tokens_.near_ties.push_back(
      {decision, output_index, NearTieRule::Gap(best[n - 2].logit, best[n - 1].logit)});
}

void LiveSession::NoteConfidence(int output_index, float confidence) {
  if (!near_.IsNearThreshold(confidence)) return;
  tokens_.near_ties.push_back({NearTie::Decision::kConfidence, output_index,
                               std::abs(confidence - near_.draft_threshold())});
}

void LiveSession::Commit(int32_t token) {
  tokens_.output.push_back(token);
  chain = {token};
}

bool LiveSession::ends_text() const {
  return std::ranges::find(end_tokens_, chain[0]) != end_tokens_.end();
}

}  // namespace hat
