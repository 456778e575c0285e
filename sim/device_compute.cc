#include "sim/device_compute.h"

#include "core/error.h"

namespace hat {

class SimDeviceCompute::Operation : public ComputeQueue::Operation {
 public:
  Operation(const SimDeviceCompute& compute, DeviceOp op, int tokens, int context, int position)
      : compute_(compute), op_(op), tokens_(tokens), context_(context), position_(position) {}
  Seconds Latency() override {
    return compute_.Latency(op_, tokens_, context_, compute_.Quantile(op_, position_));
  }

 private:
  const SimDeviceCompute& compute_;
  DeviceOp op_;
  int tokens_;
  int context_;
  int position_;
};

SimDeviceCompute::SimDeviceCompute(World& world, const SimDeviceSetup& setup, SimDevice& device,
                                   const Request& request)
    : setup_(setup), device_(device), request_(request), done_(world.MakeSignal()) {}

Span SimDeviceCompute::Run(DeviceOp op, int tokens, int context, int position) {
  Operation operation(*this, op, tokens, context, position);
  return device_.gpu.Run(operation, *done_);
}

Span SimDeviceCompute::RunAt(DeviceOp op, int tokens, int context) {
  return Run(op, tokens, context, context);
}

double SimDeviceCompute::Quantile(DeviceOp op, int position) const {
  if (!setup_.scenario.fleet.jitter || !device_.profile->has_spread()) return kMedian;
  return setup_.jitter
      .At(static_cast<uint64_t>(request_.id), static_cast<uint64_t>(op),
          static_cast<uint64_t>(position), op == DeviceOp::kDraftAhead)
      .Uniform();
}

Seconds SimDeviceCompute::Latency(DeviceOp op, int tokens, int context, double quantile) const {
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

DeviceCompute::Result SimDeviceCompute::RunInput(int first_position, int tokens) {
  return {RunAt(DeviceOp::kInput, tokens, first_position), {}};
}

Span SimDeviceCompute::RunAdapter(int prompt_tokens) {
  return RunAt(DeviceOp::kAdapter, prompt_tokens, 0);
}

DeviceCompute::First SimDeviceCompute::CommitFirst(const States& /*deep*/) {
  return {Run(DeviceOp::kHead, 1, 0, request_.prompt_tokens - 1)};
}

Span SimDeviceCompute::RunMedusa() { return Run(DeviceOp::kMedusa, 1, 0, newest_position() - 1); }

DeviceCompute::Result SimDeviceCompute::RunNewest() {
  return {RunAt(DeviceOp::kInput, 1, newest_position()), {}};
}

DeviceCompute::DraftStep SimDeviceCompute::RunDraftStep() {
  DraftStep step;
  step.span = RunAt(DeviceOp::kDraft, 1, newest_position() + steps_);
  ++steps_;
  step.confidence = setup_.drafts->Confidence(request_, token_, steps_);
  confidences_.push_back(step.confidence);
  return step;
}

std::optional<Span> SimDeviceCompute::RunAheadStep(int branches, const MayGoOn& may_go_on) {
  if (!device_.gpu.WaitUntilIdle(may_go_on)) return std::nullopt;
  const int context = newest_position() + steps_ + ahead_steps_;
  ++ahead_steps_;
  ahead_branches_ = branches;
  return RunAt(DeviceOp::kDraftAhead, branches, context);
}

DeviceCompute::Result SimDeviceCompute::RunTree(const Tree& tree) {
  return {RunAt(DeviceOp::kInput, tree.size(), newest_position()), {}};
}

DeviceCompute::Verified SimDeviceCompute::Verify(int drafted, const States& /*deep*/) {
  Verified verified;
  verified.span = Run(DeviceOp::kHead, drafted + 1, 0, newest_position());
  while (verified.accepted < drafted && Rank(verified.accepted + 1) == 1) ++verified.accepted;
  verified.ahead_is_kept =
      ahead_steps_ > 0 && verified.accepted == drafted && Rank(drafted + 1) <= ahead_branches_;
  token_ += verified.accepted + 1;
  steps_ = 0;
  confidences_.clear();
  if (verified.ahead_is_kept) {
    for (int step = 1; step <= ahead_steps_; ++step) {
      verified.ahead_confidences.push_back(setup_.drafts->Confidence(request_, token_, step));
    }
    confidences_ = verified.ahead_confidences;
    verified.ahead_states.resize(static_cast<size_t>(ahead_steps_));
  }
  ahead_steps_ = 0;
  return verified;
}

void SimDeviceCompute::KeepAhead(int steps) {
  steps_ = steps;
  confidences_.resize(static_cast<size_t>(steps));
}

int SimDeviceCompute::Rank(int step) const {
  return setup_.drafts->Rank(request_, token_, step,
                             confidences_.at(static_cast<size_t>(step) - 1));
}

DeviceCompute::VerifiedTree SimDeviceCompute::VerifyTree(const Tree& tree, const States& /*deep*/) {
  VerifiedTree verified;
  verified.span = Run(DeviceOp::kHead, tree.size(), 0, newest_position());
  // From the root to the child that equals the target's token, as long as there is one.
  verified.path = {0};
  for (int32_t node = 1; node < tree.size(); ++node) {
    const auto i = static_cast<size_t>(node);
    if (tree.parents[i] != verified.path.back()) continue;
    if (setup_.drafts->MedusaRank(request_, token_, tree.depths[i]) == tree.ranks[i]) {
      verified.path.push_back(node);
    }
  }
  token_ += static_cast<int>(verified.path.size());
  return verified;
}

}  // namespace hat
