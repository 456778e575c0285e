#include "runtime/session/device_compute.h"

#include <algorithm>
#include <string>
#include <utility>

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include "core/error.h"
#include "runtime/session/states.h"

namespace hat {
namespace {

// The likeliest of each row, `k` or as many as there are.
std::vector<std::vector<Likely>> Best(const at::Tensor& logits, int k) {
  return LikeliestTokens(logits, std::min(k, static_cast<int>(logits.size(-1))));
}

}  // namespace

DeviceModel::DeviceModel(const Model& model, int split, const Compute& the_compute, Dtype the_wire)
    : input(model, split, the_compute),
      head(model, the_compute, &input),
      compute(the_compute),
      wire(the_wire),
      hidden(model.config.shape.hidden),
      max_positions(model.config.max_positions) {}

LiveDeviceCompute::LiveDeviceCompute(const DeviceModel& model, ComputeQueue& gpu,
                                     const NearTieRule& near, int cache_slots,
                                     const std::vector<int>& end_tokens, SessionTokens& tokens)
    : model_(model),
      gpu_(gpu),
      near_(near),
      end_tokens_(end_tokens),
      tokens_(tokens),
      input_cache_(model.input.MakeCache(cache_slots)) {
  if (model.adapter) adapter_cache_ = model.adapter->MakeCache(cache_slots);
}

int LiveDeviceCompute::newest_position() const {
  return static_cast<int>(tokens_.prompt.size() + tokens_.output.size()) - 1;
}

Span LiveDeviceCompute::Run(int tokens, const std::function<void()>& work) {
  return gpu_.Work([&] {
    const at::NoGradGuard no_grad;
    work();
    return Milliseconds(1) + Milliseconds(0.01) * tokens;
  });
}

at::Tensor LiveDeviceCompute::Shallow(std::span<const int32_t> ids, std::vector<int32_t> parents) {
  const SequencePart part{&input_cache_, static_cast<int>(ids.size()), std::move(parents)};
  return model_.input.Forward(ids, {&part, 1});
}

at::Tensor LiveDeviceCompute::DraftLogits(const at::Tensor& shallow, std::vector<int32_t> parents) {
  const SequencePart part{&*adapter_cache_, static_cast<int>(shallow.size(0)), std::move(parents)};
  return model_.head.Logits(model_.adapter->Forward(shallow, {&part, 1}));
}

States LiveDeviceCompute::Encode(const at::Tensor& shallow) const {
  States states = EncodeStates(shallow, model_.wire);
  RequireFinite(states, model_.wire);
  return states;
}

at::Tensor LiveDeviceCompute::Deep(const States& states) const {
  const Dtype dtype = model_.wire;
  RequireFinite(states, dtype);
  return DecodeStates(states, model_.hidden, dtype, model_.compute);
}

at::Tensor LiveDeviceCompute::Deep(const States& states, int count) const {
  const at::Tensor deep = Deep(states);
  if (deep.size(0) != count) {
    throw InputError("the cloud answered " + std::to_string(count) + " states with " +
                     std::to_string(deep.size(0)));
  }
  return deep;
}

std::vector<std::vector<Likely>> LiveDeviceCompute::TargetTokens(const at::Tensor& deep) const {
  return Best(model_.head.Logits(deep), 2);
}

void LiveDeviceCompute::Note(NearTie::Decision decision, int output_index,
                             const std::vector<Likely>& best) {
  const auto n = best.size();
  if (n < 2 || !near_.IsNear(best[n - 2].logit, best[n - 1].logit)) return;
  tokens_.near_ties.push_back(
      {decision, output_index, NearTieRule::Gap(best[n - 2].logit, best[n - 1].logit)});
}

void LiveDeviceCompute::NoteConfidence(int output_index, float confidence) {
  if (!near_.IsNearThreshold(confidence)) return;
  tokens_.near_ties.push_back({NearTie::Decision::kConfidence, output_index,
                               std::abs(confidence - near_.draft_threshold())});
}

void LiveDeviceCompute::Commit(int32_t token) {
  tokens_.output.push_back(token);
  chain_ = {token};
}

bool LiveDeviceCompute::ends_text() const {
  return std::ranges::find(end_tokens_, chain_[0]) != end_tokens_.end();
}

// -- prefill

DeviceCompute::Result LiveDeviceCompute::RunInput(int first_position, int tokens) {
  HAT_CHECK(first_position == input_cache_.size());
  Result result;
  result.span = Run(tokens, [&] {
    const auto ids = std::span<const int32_t>(tokens_.prompt)
                         .subspan(static_cast<size_t>(first_position), static_cast<size_t>(tokens));
    const at::Tensor shallow = Shallow(ids, {});  // [tokens, hidden]
    result.states = Encode(shallow);
    if (model_.adapter) prompt_states_.push_back(shallow);
  });
  return result;
}

Span LiveDeviceCompute::RunAdapter(int prompt_tokens) {
  return Run(prompt_tokens, [&] {
    const SequencePart part{&*adapter_cache_, prompt_tokens, {}};
    model_.adapter->Forward(at::cat(prompt_states_), {&part, 1});
    prompt_states_.clear();
  });
}

DeviceCompute::First LiveDeviceCompute::CommitFirst(const States& deep) {
  const Span span = Run(1, [&] {
    const at::Tensor all = Deep(deep);
    root_state_ = all.narrow(0, all.size(0) - 1, 1);  // with return_all_positions the last counts
    const std::vector<Likely> best = TargetTokens(root_state_)[0];
    Note(NearTie::Decision::kToken, 0, best);
    Commit(best[0].token);
  });
  return {span, ends_text()};
}

Span LiveDeviceCompute::RunMedusa() {
  return Run(1, [&] { medusa_logits_ = model_.medusa->Logits(root_state_); });
}

// -- a round

DeviceCompute::Result LiveDeviceCompute::RunNewest() {
  Result result;
  result.span = Run(1, [&] { result.states = Encode(Shallow(chain_, {})); });
  return result;
}

DeviceCompute::DraftStep LiveDeviceCompute::RunDraftStep() {
  DraftStep step;
  step.span = Run(1, [&] {
    const at::Tensor shallow = Shallow({&chain_.back(), 1}, {});  // [1, hidden]
    step.states = Encode(shallow);
    last_logits_ = LogitsOnHost(DraftLogits(shallow, {}));
    step.confidence = Confidences(last_logits_, model_.adapter->draft_temperature())[0];
    const std::vector<Likely> best = Best(last_logits_, 2)[0];
    const int output_index = output_size() + static_cast<int>(chain_.size()) - 1;
    Note(NearTie::Decision::kProposal, output_index, best);
    NoteConfidence(output_index, step.confidence);
    chain_.push_back(best[0].token);
  });
  return step;
}

std::optional<Span> LiveDeviceCompute::RunAheadStep(int branches, const MayGoOn& may_go_on) {
  const int position =
      newest_position() + static_cast<int>(chain_.size()) - 1 + static_cast<int>(ahead_.size());
  // At the end of the model's context there is nothing to draft ahead.
  if (position >= model_.max_positions) return std::nullopt;
  if (!gpu_.WaitUntilIdle(may_go_on)) return std::nullopt;
  return Run(branches, [&] {
    if (ahead_.empty()) ChooseBranches(branches);
    StepAhead();
  });
}

// The likeliest tokens in place of the chain's unsent last proposal, which is the first of them.
void LiveDeviceCompute::ChooseBranches(int branches) {
  const std::vector<Likely> best = Best(last_logits_, branches + 1)[0];
  const int count = std::min(branches, static_cast<int>(last_logits_.size(1)));
  if (static_cast<int>(best.size()) > count) {
    Note(NearTie::Decision::kBranch, output_size() + static_cast<int>(chain_.size()) - 2, best);
  }
  branch_tokens_.clear();
  for (int branch = 0; branch < count; ++branch) {
    branch_tokens_.push_back(best[static_cast<size_t>(branch)].token);
  }
}

void LiveDeviceCompute::StepAhead() {
  const auto count = static_cast<int>(branch_tokens_.size());
  AheadStep step;
  std::vector<int32_t> parents;
  const int size = input_cache_.size();
  for (int branch = 0; branch < count; ++branch) {
    parents.push_back(ahead_.empty() ? size - 1 : size - count + branch);
    step.tokens.push_back(ahead_.empty()
                              ? branch_tokens_[static_cast<size_t>(branch)]
                              : ahead_.back().next[static_cast<size_t>(branch)][0].token);
  }
  const at::Tensor shallow = Shallow(step.tokens, parents);  // [branches, hidden]
  step.logits = LogitsOnHost(DraftLogits(shallow, parents));
  step.confidences = Confidences(step.logits, model_.adapter->draft_temperature());
  step.next = Best(step.logits, 2);
  for (int branch = 0; branch < count; ++branch) {
    step.states.push_back(Encode(shallow.narrow(0, branch, 1)));
  }
  ahead_.push_back(std::move(step));
}

int LiveDeviceCompute::KeptBranch(int32_t token) const {
  if (ahead_.empty()) return -1;
  const auto found = std::ranges::find(branch_tokens_, token);
  return found == branch_tokens_.end() ? -1 : static_cast<int>(found - branch_tokens_.begin());
}

// Keeps the first `first` slots and the path of `kept_nodes`, counted from `first`.
void LiveDeviceCompute::CutCaches(int first, const std::vector<int32_t>& kept_nodes) {
  input_cache_.Keep(first, kept_nodes);
  if (adapter_cache_) adapter_cache_->Keep(first, kept_nodes);
}

DeviceCompute::Verified LiveDeviceCompute::Verify(int drafted, const States& deep) {
  Verified verified;
  verified.span = Run(drafted + 1, [&] {
    const std::vector<std::vector<Likely>> target = TargetTokens(Deep(deep, drafted + 1));
    const std::vector<int32_t> chain = chain_;
    const int root = newest_position();
    int accepted = 0;
    for (;; ++accepted) {
      const auto i = static_cast<size_t>(accepted);
      Note(NearTie::Decision::kToken, output_size(), target[i]);
      const int32_t token = target[i][0].token;
      const bool is_kept = accepted < drafted && chain[i + 1] == token;
      Commit(token);
      verified.ends_text = ends_text();
      if (!is_kept || verified.ends_text) break;
    }
    verified.accepted = accepted;
    kept_branch_ = accepted == drafted && !verified.ends_text ? KeptBranch(chain_[0]) : -1;
    verified.ahead_is_kept = kept_branch_ >= 0;
    std::vector<int32_t> nodes;
    for (size_t step = 0; verified.ahead_is_kept && step < ahead_.size(); ++step) {
      const auto branch = static_cast<size_t>(kept_branch_);
      nodes.push_back(static_cast<int32_t>(step * branch_tokens_.size() + branch));
      verified.ahead_confidences.push_back(ahead_[step].confidences[branch]);
      verified.ahead_states.push_back(ahead_[step].states[branch]);
    }
    CutCaches(root + accepted + 1, nodes);
    if (!verified.ahead_is_kept) ahead_.clear();
  });
  return verified;
}

void LiveDeviceCompute::KeepAhead(int steps) {
  HAT_CHECK(kept_branch_ >= 0 && steps >= 1 && steps <= static_cast<int>(ahead_.size()));
  const auto branch = static_cast<size_t>(kept_branch_);
  for (int i = 0; i < steps; ++i) {
    const AheadStep& step = ahead_[static_cast<size_t>(i)];
    Note(NearTie::Decision::kProposal, output_size() + i, step.next[branch]);
    NoteConfidence(output_size() + i, step.confidences[branch]);
    chain_.push_back(step.next[branch][0].token);
  }
  last_logits_ = ahead_[static_cast<size_t>(steps) - 1].logits.narrow(0, kept_branch_, 1);
  CutCaches(newest_position() + steps, {});
  ahead_.clear();
  kept_branch_ = -1;
}

// -- trees

DeviceCompute::Result LiveDeviceCompute::RunTree(const Tree& tree) {
  Result result;
  result.span = Run(tree.size(), [&] {
    const int first = input_cache_.size();
    const int deepest_rank = *std::ranges::max_element(tree.ranks);
    std::vector<std::vector<Likely>> guesses;  // [head][rank - 1]
    for (int head = 0; head < tree.max_depth(); ++head) {
      std::vector<Likely> best = Best(medusa_logits_[head], deepest_rank + 1)[0];
      for (size_t rank = 2; rank <= best.size(); ++rank) {
        Note(NearTie::Decision::kProposal, output_size() + head, {best[rank - 2], best[rank - 1]});
      }
      guesses.push_back(std::move(best));
    }
    tree_tokens_ = {chain_[0]};
    std::vector<int32_t> parents = {first - 1};
    for (size_t node = 1; node < tree.parents.size(); ++node) {
      const auto head = static_cast<size_t>(tree.depths[node]) - 1;
      tree_tokens_.push_back(guesses[head][static_cast<size_t>(tree.ranks[node]) - 1].token);
      parents.push_back(first + tree.parents[node]);
    }
    result.states = Encode(Shallow(tree_tokens_, parents));
  });
  return result;
}

DeviceCompute::VerifiedTree LiveDeviceCompute::VerifyTree(const Tree& tree, const States& deep) {
  VerifiedTree verified{{}, {0}};
  verified.span = Run(tree.size(), [&] {
    const at::Tensor states = Deep(deep, tree.size());
    const std::vector<std::vector<Likely>> target = TargetTokens(states);
    const int root = newest_position();
    const auto commit = [&](int32_t node) {
      Note(NearTie::Decision::kToken, output_size(), target[static_cast<size_t>(node)]);
      Commit(target[static_cast<size_t>(node)][0].token);
    };
    commit(0);
    // Breadth first: a child comes after its parent.
    for (int32_t node = 1; node < tree.size(); ++node) {
      const auto i = static_cast<size_t>(node);
      if (ends_text()) break;
      if (tree.parents[i] != verified.path.back() || tree_tokens_[i] != chain_[0]) continue;
      verified.path.push_back(node);
      commit(node);
    }
    verified.ends_text = ends_text();
    root_state_ = states.narrow(0, verified.path.back(), 1);
    CutCaches(root, verified.path);
  });
  return verified;
}

}  // namespace hat
