// A model's greedy output after prompts, and what its drafters say at every position of it: what a
// draft trace holds (protocol.md). A draft depends on the committed tokens alone, so the drafts
// from all positions of an output are advanced side by side, as branches of one tree.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "experiments/traces/draft_trace.h"
#include "runtime/model/adapter.h"
#include "runtime/model/medusa.h"
#include "runtime/model/submodels.h"

namespace hat {

class DraftRecorder {
 public:
  // `adapter` and `medusa` may be null: nothing of theirs is recorded then. `looks_up`: chains are
  // those of lookups in the text; with an adapter, of both.
  DraftRecorder(const Model& model, const AdapterFile* adapter, const MedusaFile* medusa, int split,
                const Compute& compute, bool looks_up = false);

  int heads() const { return medusa_ ? medusa_->size() : 0; }

  // All prompts in one batch. Sets the trace's rows first_row, first_row + 1, ... and returns each
  // prompt's output tokens, the trace's output_tokens of them; an end-of-text token ends nothing.
  // Prompts are not empty and leave room for the output within the model's positions; the trace has
  // max_steps 0 where nothing drafts chains, and heads() heads.
  std::vector<std::vector<int32_t>> Record(const std::vector<std::vector<int32_t>>& prompts,
                                           int first_row, DraftTrace& trace) const;

 private:
  struct Sequence;
  void RunGreedy(std::vector<Sequence>& sequences, int output_tokens) const;
  void RunDrafts(std::vector<Sequence>& sequences, const DraftTraceInfo& info) const;
  void LookUp(std::vector<Sequence>& sequences, const DraftTraceInfo& info) const;
  void AddEvidenceTo(const at::Tensor& logits, const std::vector<Sequence>& sequences,
                     int step) const;
  at::Tensor RunAdapter(std::vector<Sequence>& sequences) const;
  at::Tensor RunBranches(std::vector<Sequence>& sequences, int step, int output_tokens) const;
  void RankHeads(Sequence& sequence, int output_tokens) const;

  InputModel input_;
  MiddleModel middle_;
  OutputHead head_;
  std::optional<Adapter> adapter_;
  std::optional<MedusaHeads> medusa_;
  bool looks_up_;
};

}  // namespace hat
