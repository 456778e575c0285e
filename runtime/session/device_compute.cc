#include "runtime/session/device_compute.h"

#include <span>
#include <utility>

#include <ATen/ATen.h>

#include "core/error.h"

namespace hat {

LiveDeviceCompute::LiveDeviceCompute(const LiveDevice& device, int request, int cache_slots,
                                     SessionTokens& tokens)
    : session_(device, request, cache_slots, tokens) {
  if (device.model.adapter) {
    chain_drafter_ = std::make_unique<AdapterDrafter>(session_, cache_slots);
  } else if (device.model.looks_up) {
    chain_drafter_ = std::make_unique<LookupDrafter>(session_);
  }
  if (device.model.medusa) tree_drafter_.emplace(session_);
  verifier_.emplace(session_, chain_drafter_.get(), tree_drafter_ ? &*tree_drafter_ : nullptr);
}

InputCompute::Result LiveInput::RunPrompt(int first_position, int tokens) {
  HAT_CHECK(first_position == session_.input_cache.size());
  Result result;
  result.span = session_.RunAt(DeviceOp::kInput, tokens, first_position, [&] {
    const auto ids = std::span<const int32_t>(session_.tokens().prompt)
                         .subspan(static_cast<size_t>(first_position), static_cast<size_t>(tokens));
    const at::Tensor shallow = session_.Shallow(ids, {});  // [tokens, hidden]
    result.states = session_.Encode(shallow);
    if (session_.model().adapter) session_.prompt_states.push_back(shallow);
  });
  return result;
}

InputCompute::Result LiveInput::RunChain(int tokens) {
  Result result;
  result.span = session_.RunAt(DeviceOp::kInput, tokens, session_.newest_position(), [&] {
    const auto ids = std::span<const int32_t>(session_.chain).first(static_cast<size_t>(tokens));
    result.states = session_.Encode(session_.Shallow(ids, {}));
  });
  return result;
}

Verifier::First LiveVerifier::CommitFirst(const States& deep) {
  const Span span = session_.Run(DeviceOp::kHead, 1, 0, session_.newest_position(), [&] {
    const at::Tensor all = session_.Deep(deep);  // with return_all_positions the last counts
    session_.root_state = all.narrow(0, all.size(0) - 1, 1);
    const std::vector<Likely> best = session_.TargetTokens(session_.root_state)[0];
    session_.Note(NearTie::Decision::kToken, 0, best);
    session_.Commit(best[0].token);
  });
  return {span, session_.ends_text()};
}

Verifier::Verified LiveVerifier::Verify(int drafted, const States& deep) {
  Verified verified;
  verified.span = session_.Run(DeviceOp::kHead, drafted + 1, 0, session_.newest_position(), [&] {
    const std::vector<std::vector<Likely>> target =
        session_.TargetTokens(session_.Deep(deep, drafted + 1));
    const std::vector<int32_t> chain = session_.chain;
    const int root = session_.newest_position();
    std::vector<Proposal> proposals;
    for (int i = 1; i <= drafted; ++i) proposals.push_back({chain[static_cast<size_t>(i)]});
    int accepted = 0;
    for (;; ++accepted) {
      const auto i = static_cast<size_t>(accepted);
      session_.Note(NearTie::Decision::kToken, session_.output_size(), target[i]);
      const int32_t token = target[i][0].token;
      const bool is_kept = accepted < drafted && chain[i + 1] == token;
      if (is_kept) proposals[i].is_kept = true;
      session_.Commit(token);
      verified.ends_text = session_.ends_text();
      if (!is_kept || verified.ends_text) break;
    }
    verified.accepted = accepted;
    session_.NoteProposals(std::move(proposals));
    const int first = root + accepted + 1;
    if (chain_drafter_ != nullptr) {
      chain_drafter_->Settle(first, accepted == drafted && !verified.ends_text);
    } else {
      session_.input_cache.Keep(first, {});
    }
  });
  return verified;
}

Verifier::VerifiedTree LiveVerifier::VerifyTree(const Tree& tree, const States& deep) {
  VerifiedTree verified{{}, {0}};
  verified.span = session_.Run(DeviceOp::kHead, tree.size(), 0, session_.newest_position(), [&] {
    const at::Tensor states = session_.Deep(deep, tree.size());
    const std::vector<std::vector<Likely>> target = session_.TargetTokens(states);
    const int root = session_.newest_position();
    const auto commit = [&](int32_t node) {
      session_.Note(NearTie::Decision::kToken, session_.output_size(),
                    target[static_cast<size_t>(node)]);
      session_.Commit(target[static_cast<size_t>(node)][0].token);
    };
    commit(0);
    std::vector<Proposal> proposals;
    for (const int32_t token : std::span(tree_drafter_->tree_tokens()).subspan(1)) {
      proposals.push_back({token});
    }
    // Breadth first: a child comes after its parent.
    for (int32_t node = 1; node < tree.size(); ++node) {
      const auto i = static_cast<size_t>(node);
      if (session_.ends_text()) break;
      const bool is_target = tree_drafter_->tree_tokens()[i] == session_.chain[0];
      if (tree.parents[i] != verified.path.back() || !is_target) continue;
      verified.path.push_back(node);
      proposals[i - 1].is_kept = true;
      commit(node);
    }
    verified.ends_text = session_.ends_text();
    session_.NoteProposals(std::move(proposals));
    session_.root_state = states.narrow(0, verified.path.back(), 1);
    session_.input_cache.Keep(root, verified.path);
  });
  return verified;
}

}  // namespace hat
