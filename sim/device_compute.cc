#include "sim/device_compute.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "core/error.h"

namespace hat {

class SimSession::Operation : public ComputeQueue::Operation {
 public:
  Operation(const SimSession& session, DeviceOp op, int tokens, int context, int position)
      : session_(session), op_(op), tokens_(tokens), context_(context), position_(position) {}
  Seconds Latency() override {
    return session_.Latency(op_, tokens_, context_, session_.Quantile(op_, position_));
  }
  // Draft steps of several sessions: the weights are read once. It counts as one step of as many
  // branches, at the longest of their contexts.
  bool Takes(ComputeQueue::Operation& other) override {
    if (op_ != DeviceOp::kDraft || !session_.setup_.scenario.fleet.draft_batching) return false;
    const auto* step = dynamic_cast<const Operation*>(&other);
    const int most = session_.device_.profile->max_draft_width(session_.setup_.layers);
    if (step == nullptr || step->op_ != op_ || tokens_ + step->tokens_ > most) return false;
    tokens_ += step->tokens_;
    context_ = std::max(context_, step->context_);
    return true;
  }

 private:
  const SimSession& session_;
  DeviceOp op_;
  int tokens_;
  int context_;
  int position_;
};

SimSession::SimSession(World& world, const SimDeviceSetup& setup, SimDevice& device,
                       const Request& request)
    : setup_(setup), device_(device), chain_(setup.drafts, request), done_(world.MakeSignal()) {}

Span SimSession::Run(DeviceOp op, int tokens, int context, int position) {
  Operation operation(*this, op, tokens, context, position);
  return device_.gpu.Run(operation, *done_);
}

double SimSession::Quantile(DeviceOp op, int position) const {
  if (!setup_.scenario.fleet.jitter || !device_.profile->has_spread()) return kMedian;
  return setup_.jitter
      .At(static_cast<uint64_t>(chain_.request().id), static_cast<uint64_t>(op),
          static_cast<uint64_t>(position), op == DeviceOp::kDraftAhead)
      .Uniform();
}

Seconds SimSession::Latency(DeviceOp op, int tokens, int context, double quantile) const {
  return ProfiledLatency(op, tokens, context, quantile) / device_.speed;
}

Seconds SimSession::ProfiledLatency(DeviceOp op, int tokens, int context, double quantile) const {
  const DeviceProfile& profile = *device_.profile;
  switch (op) {
    case DeviceOp::kInput:
      return profile.Input(tokens, context, setup_.layers, quantile);
    case DeviceOp::kAdapter:
      return profile.Adapter(tokens, context, quantile);
    case DeviceOp::kHead:
      return profile.Head(tokens, quantile);
    case DeviceOp::kMedusa:
      return profile.Medusa(tokens, quantile);
    case DeviceOp::kDraft:
    case DeviceOp::kDraftAhead:
      return profile.Draft(tokens, context, setup_.layers, quantile);
  }
  HAT_CHECK(false);
}

InputCompute::Result SimInput::RunPrompt(int first_position, int tokens) {
  return {session_.RunAt(DeviceOp::kInput, tokens, first_position), {}};
}

InputCompute::Result SimInput::RunChain(int tokens) {
  return {session_.RunAt(DeviceOp::kInput, tokens, session_.newest_position()), {}};
}

std::optional<Span> SimChainDrafter::ReadPrompt(int prompt_tokens) {
  return session_.RunAt(DeviceOp::kAdapter, prompt_tokens, 0);
}

ChainDrafter::Step SimChainDrafter::RunStep() {
  DraftChain& chain = session_.chain();
  Step step;
  step.span = session_.RunAt(DeviceOp::kDraft, 1, chain.newest_position() + chain.steps());
  step.confidence = chain.Step();
  return step;
}

std::optional<Span> SimChainDrafter::RunAheadStep(int branches, const MayGoOn& may_go_on) {
  if (!session_.gpu().WaitUntilIdle(may_go_on)) return std::nullopt;
  DraftChain& chain = session_.chain();
  const int context = chain.newest_position() + chain.steps() + chain.ahead_steps();
  chain.StepAhead(branches);
  return session_.RunAt(DeviceOp::kDraftAhead, branches, context);
}

std::optional<ChainDrafter::Ahead> SimChainDrafter::TakeAhead() {
  std::optional<std::vector<float>> confidences = session_.chain().TakeAhead();
  if (!confidences) return std::nullopt;
  const size_t steps = confidences->size();
  return Ahead{std::move(*confidences), std::vector<States>(steps)};
}

Span SimTreeDrafter::RunHeads() {
  return session_.Run(DeviceOp::kMedusa, 1, 0, session_.newest_position() - 1);
}

InputCompute::Result SimTreeDrafter::RunTree(const Tree& tree) {
  return {session_.RunAt(DeviceOp::kInput, tree.size(), session_.newest_position()), {}};
}

Verifier::First SimVerifier::CommitFirst(const States& /*deep*/) {
  return {session_.Run(DeviceOp::kHead, 1, 0, session_.newest_position() - 1)};
}

Verifier::Verified SimVerifier::Verify(int drafted, const States& /*deep*/) {
  Verified verified;
  verified.span = session_.Run(DeviceOp::kHead, drafted + 1, 0, session_.newest_position());
  verified.accepted = session_.chain().Accept(drafted);
  return verified;
}

Verifier::VerifiedTree SimVerifier::VerifyTree(const Tree& tree, const States& /*deep*/) {
  DraftChain& chain = session_.chain();
  VerifiedTree verified;
  verified.span = session_.Run(DeviceOp::kHead, tree.size(), 0, chain.newest_position());
  // From the root to the child that equals the target's token, as long as there is one.
  verified.path = {0};
  for (int32_t node = 1; node < tree.size(); ++node) {
    const auto i = static_cast<size_t>(node);
    if (tree.parents[i] != verified.path.back()) continue;
    if (chain.MedusaRank(tree.depths[i]) == tree.ranks[i]) verified.path.push_back(node);
  }
  chain.Advance(static_cast<int>(verified.path.size()));
  return verified;
}

}  // namespace hat
