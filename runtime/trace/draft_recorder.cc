#include "runtime/trace/draft_recorder.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <utility>

#include "core/error.h"
#include "runtime/model/likeliest.h"
#include "runtime/session/lookup_drafter.h"
#include "runtime/session/text_lookup.h"

namespace hat {
namespace {

uint16_t Capped(int32_t rank) { return static_cast<uint16_t>(std::min(rank, UINT16_MAX)); }

// What is recorded of output token t, which starts a chain of drafts.
struct Position {
  std::vector<float> confidences;
  int agreed = 0;
  int mismatch_rank = 0;  // 0: all agree so far
  std::vector<uint16_t> medusa_ranks;
  std::vector<int32_t> proposals;
  int32_t slot = 0;  // of the token in front of the newest proposal, in the caches

  void Add(int32_t proposal, float confidence, int32_t target_rank) {
    proposals.push_back(proposal);
    confidences.push_back(confidence);
    if (mismatch_rank > 0) return;
    if (target_rank == 1) {
      ++agreed;
    } else {
      mismatch_rank = Capped(target_rank);
    }
  }
};

}  // namespace

struct DraftRecorder::Sequence {
  const std::vector<int32_t>* prompt;
  KvCache input;
  KvCache middle;
  std::optional<KvCache> adapter;
  std::vector<int32_t> next;        // ids to run
  std::vector<int32_t> output;      // tokens 1..N
  std::vector<at::Tensor> shallow;  // of every position that was run
  std::vector<at::Tensor> deep;     // [hidden]: the state that yielded output token 1, 2, ...
  std::vector<Position> positions;  // t = 1..N - 1

  // The prompt, output tokens 1..t and what was proposed after them.
  std::vector<int32_t> TextAt(int t) const {
    std::vector<int32_t> text = *prompt;
    text.insert(text.end(), output.begin(), output.begin() + t);
    const std::vector<int32_t>& proposals = positions[static_cast<size_t>(t) - 1].proposals;
    text.insert(text.end(), proposals.begin(), proposals.end());
    return text;
  }
};

DraftRecorder::DraftRecorder(const Model& model, const AdapterFile* adapter,
                             const MedusaFile* medusa, int split, const Compute& compute,
                             bool looks_up)
    : input_(model, split, compute),
      middle_(model, split, model.config.shape.layer_count(), compute),
      head_(model, compute, &input_),
      looks_up_(looks_up) {
  if (adapter != nullptr) adapter_.emplace(model, *adapter, compute);
  if (medusa != nullptr) medusa_.emplace(model, *medusa, head_, compute);
}

std::vector<std::vector<int32_t>> DraftRecorder::Record(
    const std::vector<std::vector<int32_t>>& prompts, int first_row, DraftTrace& trace) const {
  const at::NoGradGuard no_gradient;
  const DraftTraceInfo& info = trace.info();
  HAT_CHECK(info.medusa_heads == heads() && (info.max_steps == 0 || adapter_ || looks_up_));
  std::vector<Sequence> sequences;
  for (const std::vector<int32_t>& prompt : prompts) {
    const int positions = static_cast<int>(prompt.size()) + info.output_tokens - 1;
    const int branches = adapter_ ? std::max(0, info.max_steps - 1) * (info.output_tokens - 1) : 0;
    Sequence& sequence = sequences.emplace_back(Sequence{&prompt,
                                                         input_.MakeCache(positions + branches),
                                                         middle_.MakeCache(positions),
                                                         {},
                                                         prompt,
                                                         {},
                                                         {},
                                                         {},
                                                         {}});
    if (adapter_) sequence.adapter = adapter_->MakeCache(positions + branches);
    sequence.positions.resize(static_cast<size_t>(info.output_tokens) - 1);
  }
  RunGreedy(sequences, info.output_tokens);
  if (info.max_steps > 0 && info.output_tokens > 1) {
    adapter_ ? RunDrafts(sequences, info) : LookUp(sequences, info);
  }
  std::vector<std::vector<int32_t>> outputs;
  for (Sequence& sequence : sequences) {
    if (medusa_) RankHeads(sequence, info.output_tokens);
    const int row = first_row + static_cast<int>(outputs.size());
    for (int t = 1; t < info.output_tokens; ++t) {
      const Position& position = sequence.positions[static_cast<size_t>(t) - 1];
      trace.Set(
          row, t,
          {position.confidences, position.agreed, position.mismatch_rank, position.medusa_ranks});
    }
    outputs.push_back(std::move(sequence.output));
  }
  return outputs;
}

// The target's own tokens, one per step and sequence. The last of them goes through no layer.
void DraftRecorder::RunGreedy(std::vector<Sequence>& sequences, int output_tokens) const {
  for (int step = 0; step < output_tokens; ++step) {
    std::vector<int32_t> ids;
    std::vector<SequencePart> input_parts, middle_parts;
    for (Sequence& sequence : sequences) {
      const auto tokens = static_cast<int>(sequence.next.size());
      ids.insert(ids.end(), sequence.next.begin(), sequence.next.end());
      input_parts.push_back({&sequence.input, tokens, {}});
      middle_parts.push_back({&sequence.middle, tokens, {}});
    }
    const at::Tensor shallow = input_.Forward(ids, input_parts);     // [tokens, hidden]
    const at::Tensor deep = middle_.Forward(shallow, middle_parts);  // [tokens, hidden]
    std::vector<at::Tensor> last;                                    // [hidden], a sequence each
    int64_t first = 0;
    for (Sequence& sequence : sequences) {
      const auto tokens = static_cast<int64_t>(sequence.next.size());
      if (adapter_) sequence.shallow.push_back(shallow.narrow(0, first, tokens));
      first += tokens;
      last.push_back(deep[first - 1].clone());
      if (medusa_) sequence.deep.push_back(last.back());
    }
    const std::vector<int32_t> tokens = GreedyTokens(head_.Logits(at::stack(last)));
    for (size_t i = 0; i < sequences.size(); ++i) {
      sequences[i].output.push_back(tokens[i]);
      sequences[i].next = {tokens[i]};
    }
  }
}

// Step j makes, for every t with t + j <= N, the proposal for token t + j.
void DraftRecorder::RunDrafts(std::vector<Sequence>& sequences, const DraftTraceInfo& info) const {
  for (int step = 1; step <= std::min(info.max_steps, info.output_tokens - 1); ++step) {
    const at::Tensor logits = LogitsOnHost(  // [sequences x (N - step), vocabulary]
        step == 1 ? RunAdapter(sequences) : RunBranches(sequences, step, info.output_tokens));
    if (looks_up_) AddEvidenceTo(logits, sequences, step);
    const std::vector<int32_t> proposals = GreedyTokens(logits);
    const std::vector<float> confidences = Confidences(logits, adapter_->draft_temperature());
    std::vector<int32_t> targets;
    for (const Sequence& sequence : sequences) {
      targets.insert(targets.end(), sequence.output.begin() + step, sequence.output.end());
    }
    const std::vector<int32_t> ranks = Ranks(logits, targets);
    size_t row = 0;
    for (Sequence& sequence : sequences) {
      for (int t = 1; t + step <= info.output_tokens; ++t, ++row) {
        sequence.positions[static_cast<size_t>(t) - 1].Add(proposals[row], confidences[row],
                                                           ranks[row]);
      }
    }
  }
}

// As LookupDrafter does it. Nothing has a rank but the proposal.
void DraftRecorder::LookUp(std::vector<Sequence>& sequences, const DraftTraceInfo& info) const {
  for (Sequence& sequence : sequences) {
    for (int t = 1; t < info.output_tokens; ++t) {
      std::vector<int32_t> text = sequence.TextAt(t);
      for (int step = 1; step <= std::min(info.max_steps, info.output_tokens - t); ++step) {
        const std::optional<Followed> followed = FollowedBefore(text);
        text.push_back(followed ? followed->token : text.back());
        const bool is_right = text.back() == sequence.output[static_cast<size_t>(t + step) - 1];
        sequence.positions[static_cast<size_t>(t) - 1].Add(text.back(), LookupConfidence(followed),
                                                           is_right ? 1 : UINT16_MAX);
      }
    }
  }
}

// Of a step of all positions: a row each.
void DraftRecorder::AddEvidenceTo(const at::Tensor& logits, const std::vector<Sequence>& sequences,
                                  int step) const {
  int64_t row = 0;
  for (const Sequence& sequence : sequences) {
    for (int t = 1; t + step <= static_cast<int>(sequence.output.size()); ++t, ++row) {
      AddEvidence(logits[row], sequence.TextAt(t), adapter_->draft_temperature());
    }
  }
}

// The adapter over all positions; logits after the output tokens 1..N - 1 of each sequence.
at::Tensor DraftRecorder::RunAdapter(std::vector<Sequence>& sequences) const {
  std::vector<at::Tensor> shallow;
  std::vector<SequencePart> parts;
  for (Sequence& sequence : sequences) {
    shallow.insert(shallow.end(), sequence.shallow.begin(), sequence.shallow.end());
    sequence.shallow.clear();
    parts.push_back({&*sequence.adapter, sequence.input.size(), {}});
  }
  const at::Tensor guessed = adapter_->Forward(at::cat(shallow), parts);  // [positions, hidden]
  std::vector<at::Tensor> wanted;
  int64_t first = 0;
  for (Sequence& sequence : sequences) {
    const auto prompt = static_cast<int64_t>(sequence.prompt->size());
    const auto tokens = static_cast<int64_t>(sequence.positions.size());
    wanted.push_back(guessed.narrow(0, first + prompt, tokens));
    first += prompt + tokens;
    for (int64_t i = 0; i < tokens; ++i) {
      sequence.positions[static_cast<size_t>(i)].slot = static_cast<int32_t>(prompt + i);
    }
  }
  return head_.Logits(at::cat(wanted));
}

// The newest proposals go through a step, each after the slot of the token before it.
at::Tensor DraftRecorder::RunBranches(std::vector<Sequence>& sequences, int step,
                                      int output_tokens) const {
  const int branches = output_tokens - step;
  std::vector<int32_t> ids;
  std::vector<SequencePart> input_parts, adapter_parts;
  for (Sequence& sequence : sequences) {
    std::vector<int32_t> parents;
    for (int t = 1; t <= branches; ++t) {
      Position& position = sequence.positions[static_cast<size_t>(t) - 1];
      ids.push_back(position.proposals.back());
      parents.push_back(std::exchange(position.slot, sequence.input.size() + t - 1));
    }
    input_parts.push_back({&sequence.input, branches, parents});
    adapter_parts.push_back({&*sequence.adapter, branches, std::move(parents)});
  }
  return head_.Logits(adapter_->Forward(input_.Forward(ids, input_parts), adapter_parts));
}

// Head j on the deep state that yielded token t speaks of token t + j.
void DraftRecorder::RankHeads(Sequence& sequence, int output_tokens) const {
  if (output_tokens == 1) return;
  const at::Tensor logits =  // [heads, N, vocabulary]
      medusa_->Logits(at::stack(sequence.deep));
  for (int j = 1; j <= std::min(heads(), output_tokens - 1); ++j) {
    const std::vector<int32_t> targets(sequence.output.begin() + j, sequence.output.end());
    const std::vector<int32_t> ranks =
        Ranks(logits[j - 1].narrow(0, 0, output_tokens - j), targets);
    for (size_t i = 0; i < ranks.size(); ++i) {
      sequence.positions[i].medusa_ranks.push_back(Capped(ranks[i]));
    }
  }
}

}  // namespace hat
