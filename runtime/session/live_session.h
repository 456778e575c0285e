// What the parts of one session on a real model share (device_compute.h): its tokens, the input
// layers' cache, the chain that is drafted, and the device's GPU.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "protocol/device_compute.h"
#include "runtime/model/adapter.h"
#include "runtime/model/kv_cache.h"
#include "runtime/model/likeliest.h"
#include "runtime/model/medusa.h"
#include "runtime/model/submodels.h"
#include "runtime/pace/pace.h"
#include "runtime/session/near_tie.h"
#include "runtime/session/session_tokens.h"
#include "runtime/session/states.h"
#include "world/compute_queue.h"

namespace hat {

// What a device holds of a model; its sessions share it.
struct DeviceModel {
  // `state_bytes`: of a state in a frame, as StateFormat's.
  DeviceModel(const Model& model, int split, const Compute& compute, Dtype wire,
              int64_t state_bytes = 0);

  InputModel input;
  OutputHead head;
  std::optional<Adapter> adapter;     // where the system drafts with it
  bool looks_up = false;              // where it drafts with lookups in the text
  std::optional<MedusaHeads> medusa;  // where it drafts trees
  Compute compute;
  StateFormat wire;
  int max_positions;
};

// What the sessions of a device share. All references outlive them.
struct LiveDevice {
  const DeviceModel& model;
  ComputeQueue& gpu;
  DevicePace& pace;
  const NearTieRule& near;
  const std::vector<int>& end_tokens;
};

// The likeliest of each row, `k` or as many as there are, the likeliest first.
std::vector<std::vector<Likely>> LikeliestOf(const at::Tensor& logits, int k);

class LiveSession {
 public:
  // `request`: its number in the run, by which operations are told apart. `cache_slots`: room for
  // its positions and, beside them, a tree's nodes or max draft + 1 steps of all branches. `tokens`
  // outlives this, and holds the prompt, not empty, within the vocabulary.
  LiveSession(const LiveDevice& device, int request, int cache_slots, SessionTokens& tokens);

  const DeviceModel& model() const { return device_.model; }
  const SessionTokens& tokens() const { return tokens_; }
  ComputeQueue& gpu() { return device_.gpu; }
  int newest_position() const;
  int output_size() const { return static_cast<int>(tokens_.output.size()); }

  // An operation, which lasts as the device's pace says. `position`: of the first state that goes
  // in. It is the context, but for heads, which have none.
  Span Run(DeviceOp op, int tokens, int context, int position, const std::function<void()>& work);
  Span RunAt(DeviceOp op, int tokens, int context, const std::function<void()>& work) {
    return Run(op, tokens, context, context, work);
  }
  // Through the input layers. `parents`: slots of the cache; empty: after the last.
  at::Tensor Shallow(std::span<const int32_t> ids, std::vector<int32_t> parents);
  States Encode(const at::Tensor& shallow) const;          // throws RunError: not finite
  at::Tensor Deep(const States& states) const;             // likewise
  at::Tensor Deep(const States& states, int count) const;  // InputError: another number of states
  std::vector<std::vector<Likely>> TargetTokens(const at::Tensor& deep) const;

  // Prompt, output and all proposals of the chain.
  std::vector<int32_t> Text() const;
  void Commit(int32_t token);  // out, and the newest from now on
  // What a verification was about, of which it has kept some.
  void NoteProposals(std::vector<Proposal> proposals);
  bool ends_text() const;  // the newest token is an end of text

  // Remembers that a decision was close.
  void Note(NearTie::Decision decision, int output_index, const std::vector<Likely>& best);
  void NoteConfidence(int output_index, float confidence);

  KvCache input_cache;
  std::vector<int32_t> chain;  // the newest committed token, then every proposal
  at::Tensor root_state;       // [1, hidden]: the deep state that yielded the newest token
  // A chunk each, unrounded: for a drafter that reads the prompt, which then clears them.
  std::vector<at::Tensor> prompt_states;

 private:
  const LiveDevice device_;
  int request_;
  SessionTokens& tokens_;
};

// A drafter of chains on a real model.
class LiveChainDrafter : public ChainDrafter {
 public:
  // Within a verification's operation: cuts the input's cache, and its own, after their first
  // `first` slots. `all_kept`: the target kept all proposals, and its token is the newest; what was
  // drafted ahead of it may stay.
  virtual void Settle(int first, bool all_kept) = 0;
};

}  // namespace hat
