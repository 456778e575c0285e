#include "runtime/session/live_session.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include "core/error.h"

namespace hat {

std::vector<std::vector<Likely>> LikeliestOf(const at::Tensor& logits, int k) {
  return LikeliestTokens(logits, std::min(k, static_cast<int>(logits.size(-1))));
}

DeviceModel::DeviceModel(const Model& model, int split, const Compute& the_compute, Dtype the_wire,
                         int64_t state_bytes)
    : input(model, split, the_compute),
      head(model, the_compute, &input),
      compute(the_compute),
      wire(the_wire, model.config.shape.hidden, state_bytes),
      max_positions(model.config.max_positions) {}

LiveSession::LiveSession(const LiveDevice& device, int request, int cache_slots,
                         SessionTokens& tokens)
    : input_cache(device.model.input.MakeCache(cache_slots)),
      device_(device),
      request_(request),
      tokens_(tokens) {}

int LiveSession::newest_position() const {
  return static_cast<int>(tokens_.prompt.size() + tokens_.output.size()) - 1;
}

Span LiveSession::Run(DeviceOp op, int tokens, int context, int position,
                      const std::function<void()>& work) {
  const DeviceOperation operation{request_, op, tokens, context, position};
  return device_.gpu.Work([&](Seconds start) {
    const at::NoGradGuard no_grad;  // of this thread
    return device_.pace.Run(operation, start, work);
  });
}

at::Tensor LiveSession::Shallow(std::span<const int32_t> ids, std::vector<int32_t> parents) {
  const SequencePart part{&input_cache, static_cast<int>(ids.size()), std::move(parents)};
  return model().input.Forward(ids, {&part, 1});
}

States LiveSession::Encode(const at::Tensor& shallow) const {
  States states = EncodeStates(shallow, model().wire);
  RequireFinite(states, model().wire);
  return states;
}

at::Tensor LiveSession::Deep(const States& states) const {
  const at::Tensor deep = DecodeStates(states, model().wire, model().compute);
  RequireFinite(states, model().wire);
  return deep;
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
  return LikeliestOf(model().head.Logits(deep), 2);
}

void LiveSession::Note(NearTie::Decision decision, int output_index,
                       const std::vector<Likely>& best) {
  const auto n = best.size();
  if (n < 2 || !device_.near.IsNear(best[n - 2].logit, best[n - 1].logit)) return;
  tokens_.near_ties.push_back(
      {decision, output_index, NearTieRule::Gap(best[n - 2].logit, best[n - 1].logit)});
}

void LiveSession::NoteConfidence(int output_index, float confidence) {
  if (!device_.near.IsNearThreshold(confidence)) return;
  tokens_.near_ties.push_back({NearTie::Decision::kConfidence, output_index,
                               std::abs(confidence - device_.near.draft_threshold())});
}

std::vector<int32_t> LiveSession::Text() const {
  std::vector<int32_t> text = tokens_.prompt;
  text.insert(text.end(), tokens_.output.begin(), tokens_.output.end());
  text.insert(text.end(), chain.begin() + 1, chain.end());  // its first is the newest output
  return text;
}

void LiveSession::Commit(int32_t token) {
  tokens_.output.push_back(token);
  chain = {token};
}

void LiveSession::NoteProposals(std::vector<Proposal> proposals) {
  tokens_.proposals = std::move(proposals);
}

bool LiveSession::ends_text() const {
  return std::ranges::find(device_.end_tokens, chain[0]) != device_.end_tokens.end();
}

}  // namespace hat
