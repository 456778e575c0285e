#include "sim/device_compute.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace hat {

class SimSession::Operation : public ComputeQueue::Operation {
 public:
  Operation(const SimSession& session, const DeviceOperation& operation)
      : session_(session), operation_(operation) {}
  Seconds Latency() override { return session_.device_.hardware.Latency(operation_); }
  // Draft steps of several sessions: the weights are read once. It counts as one step of as many
  // branches, at the longest of their contexts.
  bool Takes(ComputeQueue::Operation& other) override {
    if (operation_.op != DeviceOp::kDraft) return false;
    if (!session_.setup_.scenario.fleet.draft_batching) return false;
    const auto* step = dynamic_cast<const Operation*>(&other);
    if (step == nullptr || step->operation_.op != operation_.op) return false;
    const int tokens = operation_.tokens + step->operation_.tokens;
    if (tokens > session_.device_.hardware.max_draft_width()) return false;
    operation_.tokens = tokens;
    operation_.context = std::max(operation_.context, step->operation_.context);
    return true;
  }

 private:
  const SimSession& session_;
  DeviceOperation operation_;
};

SimSession::SimSession(World& world, const SimDeviceSetup& setup, SimDevice& device,
                       const Request& request)
    : setup_(setup), device_(device), chain_(setup.drafts, request), done_(world.MakeSignal()) {}

Span SimSession::Run(DeviceOp op, int tokens, int context, int position) {
  Operation operation(*this, {chain_.request().id, op, tokens, context, position});
  return device_.gpu.Run(operation, *done_);
}

InputCompute::Result SimInput::RunPrompt(int first_position, int tokens) {
  return {session_.RunAt(DeviceOp::kInput, tokens, first_position), {}};
}

InputCompute::Result SimInput::RunChain(int tokens) {
  return {session_.RunAt(DeviceOp::kInput, tokens, session_.newest_position()), {}};
}

std::optional<Span> SimChainDrafter::ReadPrompt(int prompt_tokens) {
  if (session_.drafts_by_lookup()) return std::nullopt;
  return session_.RunAt(DeviceOp::kAdapter, prompt_tokens, 0);
}

ChainDrafter::Step SimChainDrafter::RunStep() {
  DraftChain& chain = session_.chain();
  Step step;
  if (!session_.drafts_by_lookup()) {
    step.span = session_.RunAt(DeviceOp::kDraft, 1, chain.newest_position() + chain.steps());
  }
  step.confidence = chain.Step();
  return step;
}

std::optional<Span> SimChainDrafter::RunAheadStep(int branches, const MayGoOn& may_go_on) {
  if (session_.drafts_by_lookup()) return std::nullopt;
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
