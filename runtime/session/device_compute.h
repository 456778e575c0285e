// The DeviceCompute port on a real model: one session's tokens, caches, draft and branches.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "protocol/ports.h"
#include "runtime/model/adapter.h"
#include "runtime/model/kv_cache.h"
#include "runtime/model/likeliest.h"
#include "runtime/model/medusa.h"
#include "runtime/model/submodels.h"
#include "runtime/session/near_tie.h"
#include "world/compute_queue.h"

namespace hat {

// What a device holds of a model; its sessions share it.
struct DeviceModel {
  DeviceModel(const Model& model, int split, const Compute& compute, Dtype wire);

  InputModel input;
  OutputHead head;
  std::optional<Adapter> adapter;     // where the system drafts
  std::optional<MedusaHeads> medusa;  // where it drafts trees
  Compute compute;
  Dtype wire;
  int hidden;
  int max_positions;
};

// What a session says, and which of its decisions were close.
struct SessionTokens {
  std::vector<int32_t> prompt;
  std::vector<int32_t> output;  // committed so far
  std::vector<NearTie> near_ties;
};

class LiveDeviceCompute : public DeviceCompute {
 public:
  // `cache_slots`: room for the request's positions and, beside them, a tree's nodes or max draft +
  // 1 steps of all branches. All references outlive this; `tokens` holds the prompt, not empty,
  // within the vocabulary. No token is committed after one of `end_tokens`.
  // An operation lasts 1 ms and 0.01 ms a token on the world's clock.
  LiveDeviceCompute(const DeviceModel& model, ComputeQueue& gpu, const NearTieRule& near,
                    int cache_slots, const std::vector<int>& end_tokens, SessionTokens& tokens);

  // Answers from the cloud are checked: InputError if one has another number of states than asked.
  Result RunInput(int first_position, int tokens) override;
  Span RunAdapter(int prompt_tokens) override;
  First CommitFirst(const States& deep) override;
  Span RunMedusa() override;
  Result RunNewest() override;
  DraftStep RunDraftStep() override;
  std::optional<Span> RunAheadStep(int branches, const MayGoOn& may_go_on) override;
  Result RunTree(const Tree& tree) override;
  Verified Verify(int drafted, const States& deep) override;
  void KeepAhead(int steps) override;
  VerifiedTree VerifyTree(const Tree& tree, const States& deep) override;

 private:
  // One step of all branches. Branch b's token is row b of everything.
  struct AheadStep {
    std::vector<int32_t> tokens;            // that went through
    std::vector<std::vector<Likely>> next;  // the two likeliest behind each
    std::vector<float> confidences;         // of the likelier
    std::vector<States> states;             // of the tokens
    at::Tensor logits;                      // [branches, vocabulary]: of what comes behind
  };

  int newest_position() const;
  int output_size() const { return static_cast<int>(tokens_.output.size()); }
  // `parents`: slots of the caches; empty: behind the last.
  at::Tensor Shallow(std::span<const int32_t> ids, std::vector<int32_t> parents);
  at::Tensor DraftLogits(const at::Tensor& shallow, std::vector<int32_t> parents);
  States Encode(const at::Tensor& shallow) const;  // throws RunError: not finite
  at::Tensor Deep(const States& states) const;     // likewise
  at::Tensor Deep(const States& states, int count) const;
  Span Run(int tokens, const std::function<void()>& work);
  std::vector<std::vector<Likely>> TargetTokens(const at::Tensor& deep) const;

  void ChooseBranches(int branches);
  void StepAhead();
  int KeptBranch(int32_t token) const;  // -1: none starts with the token
  void CutCaches(int first, const std::vector<int32_t>& kept_nodes);
  void Commit(int32_t token);  // out, and the newest from now on
  bool ends_text() const;      // the newest token is an end of text
  void Note(NearTie::Decision decision, int output_index, const std::vector<Likely>& best);
  void NoteConfidence(int output_index, float confidence);

  const DeviceModel& model_;
  ComputeQueue& gpu_;
  const NearTieRule& near_;
  const std::vector<int>& end_tokens_;
  SessionTokens& tokens_;
  KvCache input_cache_;
  std::optional<KvCache> adapter_cache_;
  std::vector<at::Tensor> prompt_states_;  // a chunk each, unrounded; until the adapter has run

  std::vector<int32_t> chain_;          // the newest committed token, then every step's proposal
  at::Tensor last_logits_;              // [1, vocabulary]: of the chain's newest proposal
  std::vector<int32_t> branch_tokens_;  // the first of each branch
  std::vector<AheadStep> ahead_;
  int kept_branch_ = -1;

  at::Tensor root_state_;     // [1, hidden]: the deep state that yielded the newest token
  at::Tensor medusa_logits_;  // [heads, 1, vocabulary]: head j's guess of the newest position + j
  std::vector<int32_t> tree_tokens_;  // of the nodes
};

}  // namespace hat
