#include "tests/protocol/fake_device.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <utility>

#include "core/random.h"
#include "tests/protocol/fake_states.h"

namespace hat {

Drafter SeededDrafter(uint64_t seed, double p_right) {
  return [stream = RngStream(seed, "drafter"), p_right](int request, int start, int step) {
    RngStream draw = stream.At(static_cast<uint64_t>(request), static_cast<uint64_t>(start),
                               static_cast<uint64_t>(step));
    const auto confidence = static_cast<float>(draw.Uniform());
    const bool is_right = draw.Uniform() < p_right;
    return Proposal{confidence, is_right ? 1 : 2 + draw.UniformInt(6)};
  };
}

Span FakeDeviceCompute::Run(DeviceOp op, int tokens, int context) {
  return gpu_.Run([&] { return model_.latency(op, tokens, context); });
}

States FakeDeviceCompute::ShallowStates(const std::vector<int32_t>& positions) const {
  return MakeStates(positions, model_.bytes_each);
}

void FakeDeviceCompute::ExpectDeep(const States& deep, std::vector<int32_t> positions) const {
  if (model_.is_alone) {
    EXPECT_TRUE(deep.empty());
    return;
  }
  for (int32_t& position : positions) position += kDeep;
  EXPECT_EQ(PositionsOf(deep, model_.bytes_each), positions) << "request " << request_.id;
}

InputCompute::Result FakeDeviceCompute::RunPrompt(int first_position, int tokens) {
  EXPECT_EQ(first_position, computed_);
  computed_ += tokens;
  EXPECT_LE(computed_, request_.prompt_tokens);
  return {Run(DeviceOp::kInput, tokens, first_position),
          ShallowStates(Consecutive(first_position, tokens))};
}

std::optional<Span> FakeDeviceCompute::ReadPrompt(int prompt_tokens) {
  EXPECT_EQ(prompt_tokens, request_.prompt_tokens);
  EXPECT_EQ(computed_, prompt_tokens);
  if (!model_.reads_prompt) return std::nullopt;
  EXPECT_FALSE(has_adapter_);
  has_adapter_ = true;
  return Run(DeviceOp::kAdapter, prompt_tokens, 0);
}

Verifier::First FakeDeviceCompute::CommitFirst(const States& deep) {
  EXPECT_EQ(computed_, request_.prompt_tokens);
  EXPECT_EQ(out_, 0);
  if (model_.is_alone) {
    EXPECT_TRUE(deep.empty());
  } else {
    const std::vector<int32_t> positions = PositionsOf(deep, model_.bytes_each);
    EXPECT_FALSE(positions.empty());
    EXPECT_EQ(positions.back(), kDeep + request_.prompt_tokens - 1);
  }
  out_ = 1;
  return {Run(DeviceOp::kHead, 1, 0)};
}

Span FakeDeviceCompute::RunHeads() {
  EXPECT_GE(out_, 1);
  return Run(DeviceOp::kMedusa, 1, 0);
}

InputCompute::Result FakeDeviceCompute::RunChain(int tokens) {
  EXPECT_GE(out_, 1) << "no step runs before the first token";
  EXPECT_EQ(steps_, 0);
  steps_ = tokens;
  return {Run(DeviceOp::kInput, tokens, newest_position()),
          ShallowStates(Consecutive(newest_position(), tokens))};
}

ChainDrafter::Step FakeDeviceCompute::RunStep() {
  EXPECT_GE(out_, 1) << "no step runs before the first token";
  EXPECT_EQ(has_adapter_, model_.reads_prompt);
  const int position = newest_position() + steps_;
  ++steps_;
  return {Run(DeviceOp::kDraft, 1, position), ShallowStates({position}), At(steps_).confidence};
}

std::optional<Span> FakeDeviceCompute::RunAheadStep(int branches, const MayGoOn& may_go_on) {
  EXPECT_GE(steps_, 1);
  branches_ = branches;
  const int context = newest_position() + steps_ + ahead_steps_;
  if (!gpu_.WaitUntilIdle(may_go_on)) return std::nullopt;
  ++ahead_steps_;
  return Run(DeviceOp::kDraftAhead, branches, context);
}

Verifier::Verified FakeDeviceCompute::Verify(int drafted, const States& deep) {
  EXPECT_EQ(steps_, drafted + 1) << "a draft of n takes n + 1 steps";
  ExpectDeep(deep, Consecutive(newest_position(), drafted + 1));
  Verified verified;
  while (verified.accepted < drafted && At(verified.accepted + 1).rank == 1) ++verified.accepted;
  ahead_holds_ =
      ahead_steps_ > 0 && verified.accepted == drafted && At(drafted + 1).rank <= branches_;
  out_ += verified.accepted + 1;
  EXPECT_LE(out_, request_.output_tokens);
  steps_ = 0;
  verified.span = Run(DeviceOp::kHead, drafted + 1, 0);
  if (!ahead_holds_) ahead_steps_ = 0;
  return verified;
}

std::optional<ChainDrafter::Ahead> FakeDeviceCompute::TakeAhead() {
  if (!std::exchange(ahead_holds_, false)) return std::nullopt;
  Ahead ahead;
  for (int step = 1; step <= ahead_steps_; ++step) {
    ahead.confidences.push_back(At(step).confidence);
    ahead.states.push_back(ShallowStates({newest_position() + step - 1}));
  }
  return ahead;
}

void FakeDeviceCompute::KeepAhead(int steps) {
  EXPECT_GE(steps, 0);
  EXPECT_LE(steps, ahead_steps_);
  steps_ = steps;
  ahead_steps_ = 0;
}

InputCompute::Result FakeDeviceCompute::RunTree(const Tree& tree) {
  EXPECT_LE(tree.max_depth(), request_.output_tokens - out_ - 1) << "deeper than R - 1";
  std::vector<int32_t> positions;
  for (const int32_t depth : tree.depths) positions.push_back(newest_position() + depth);
  return {Run(DeviceOp::kInput, tree.size(), newest_position()), ShallowStates(positions)};
}

Verifier::VerifiedTree FakeDeviceCompute::VerifyTree(const Tree& tree, const States& deep) {
  std::vector<int32_t> positions;
  for (const int32_t depth : tree.depths) positions.push_back(newest_position() + depth);
  ExpectDeep(deep, positions);
  VerifiedTree verified{{}, {0}};
  for (int32_t node = 1; node < tree.size(); ++node) {  // breadth first: a child follows its parent
    const auto i = static_cast<size_t>(node);
    const int rank = model_.medusa(request_.id, out_, tree.depths[i]);
    if (tree.parents[i] == verified.path.back() && tree.ranks[i] == rank) {
      verified.path.push_back(node);
    }
  }
  out_ += static_cast<int>(verified.path.size());
  verified.span = Run(DeviceOp::kHead, tree.size(), 0);
  return verified;
}

}  // namespace hat
