// Recording a draft trace: all prompts of a file, a few at a time. Free of torch.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "experiments/traces/draft_trace.h"
#include "experiments/traces/prompt_file.h"
#include "runtime/model/compute.h"
#include "runtime/model/config.h"

namespace hat {

// Whose drafts: a model with its drafters.
struct DraftedModel {
  std::string folder;   // a checkpoint's
  std::string adapter;  // file or random:SEED; empty: none. Counts for nothing in lookups alone
  std::string medusa;   // likewise
  int split = 2;        // depth of the adapter's states
  std::string drafter = "adapter";  // of DrafterNames()

  bool uses_adapter() const { return !adapter.empty() && drafter != "lookup"; }
  bool uses_lookup() const { return drafter != "adapter"; }
};

// 64 hex digits, SHA-256 over all that decides what a trace holds: every byte of the checkpoint's
// tensors and what of its config changes numbers, the drafters' files, the split. Reads all of it.
std::string WeightsSha256(const DraftedModel& model);

// Prompts that leave room for `output_tokens` within the model's positions (the last needs none).
// Throws InputError where no prompt does.
PromptLimits PromptLimitsOf(const ModelConfig& config, int output_tokens);

struct TraceRecording {
  DraftedModel model;
  int output_tokens = 128;
  int max_draft = 8;  // drafts up to it replay: one more step is recorded
  int together = 8;   // prompts in a batch: 8 rows a decode step is what the CPU's kernels like
  Compute compute;    // a trace that ships: fp32
};

// Told after each batch how many prompts are done; false: stop.
using RecordingWatch = std::function<bool(int prompts)>;

// Nothing if the watch said stop. Throws InputError: no drafter, files that do not belong to the
// model, prompts that do not fit.
std::optional<DraftTrace> RecordTrace(const TraceRecording& recording, const PromptFile& prompts,
                                      const RecordingWatch& watch);

}  // namespace hat
