#include "runtime/train/greedy_run.h"

#include <torch/torch.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "runtime/model/likeliest.h"
#include "runtime/model/submodels.h"

namespace hat {
namespace {

// Caches of one submodel, one a sequence.
template <typename Submodel>
class Caches {
 public:
  Caches(const Submodel& submodel, size_t sequences, int capacity) {
    for (size_t i = 0; i < sequences; ++i) caches_.push_back(submodel.MakeCache(capacity));
  }
  std::vector<SequencePart> Parts(const std::vector<std::vector<int32_t>>& ids) {
    std::vector<SequencePart> parts;
    for (size_t i = 0; i < ids.size(); ++i) {
      parts.push_back({&caches_[i], static_cast<int>(ids[i].size()), {}});
    }
    return parts;
  }

 private:
  std::vector<KvCache> caches_;
};

// The last row of each sequence. [sequences, hidden]
at::Tensor LastRows(const at::Tensor& states, const std::vector<std::vector<int32_t>>& ids) {
  std::vector<at::Tensor> rows;
  int64_t end = 0;
  for (const auto& sequence : ids) {
    end += static_cast<int64_t>(sequence.size());
    rows.push_back(states[end - 1]);
  }
  return at::stack(rows);
}

using Proposals = std::vector<std::vector<int32_t>>;  // [heads][sequences]

// How many heads in a row are right about the tokens behind output token `at`.
int Hits(const std::vector<Proposals>& proposals, const std::vector<int32_t>& tokens, size_t at,
         size_t sequence) {
  int hits = 0;
  for (const auto& head : proposals[at]) {
    const size_t target = at + static_cast<size_t>(hits) + 1;
    if (target >= tokens.size() || head[sequence] != tokens[target]) break;
    ++hits;
  }
  return hits;
}

}  // namespace

std::vector<GreedyOutput> RunGreedy(const Model& model, const AdapterFile* adapter_file,
                                    const MedusaFile* medusa_file, int split,
                                    const std::vector<std::vector<int32_t>>& prompts,
                                    int output_tokens, const Compute& compute) {
  torch::NoGradGuard no_gradient;
  const InputModel input(model, split, compute);
  const MiddleModel middle(model, split, model.config.shape.layers, compute);
  const OutputHead head(model, compute, &input);
  std::optional<Adapter> adapter;
  if (adapter_file) adapter.emplace(model, *adapter_file, compute);
  std::optional<MedusaHeads> medusa;
  if (medusa_file) medusa.emplace(model, *medusa_file, head, compute);

  size_t longest = 0;
  for (const auto& prompt : prompts) longest = std::max(longest, prompt.size());
  const int capacity = static_cast<int>(longest) + output_tokens;
  Caches input_caches(input, prompts.size(), capacity);
  Caches middle_caches(middle, prompts.size(), capacity);
  std::optional<Caches<Adapter>> adapter_caches;
  if (adapter) adapter_caches.emplace(*adapter, prompts.size(), capacity);

  std::vector<GreedyOutput> outputs(prompts.size());
  std::vector<Proposals> proposals;  // of Medusa, of each output token
  std::vector<std::vector<int32_t>> ids = prompts;
  for (int step = 0; step < output_tokens; ++step) {
    std::vector<int32_t> all;
    for (const auto& sequence : ids) all.insert(all.end(), sequence.begin(), sequence.end());
    const at::Tensor shallow = input.Forward(all, input_caches.Parts(ids));
    const at::Tensor deep = LastRows(middle.Forward(shallow, middle_caches.Parts(ids)), ids);
    const std::vector<int32_t> tokens = GreedyTokens(head.Logits(deep));
    if (adapter) {
      const at::Tensor guessed =
          LastRows(adapter->Forward(shallow, adapter_caches->Parts(ids)), ids);
      const at::Tensor logits = head.Logits(guessed);
      const std::vector<int32_t> drafted = GreedyTokens(logits);
      const std::vector<float> confidences = Confidences(logits, adapter->draft_temperature());
      for (size_t i = 0; i < prompts.size() && step > 0; ++i) {
        outputs[i].guesses.push_back({confidences[i], drafted[i] == tokens[i]});
      }
    }
    if (medusa) {
      Proposals heads;
      const at::Tensor logits = medusa->Logits(deep);
      for (int j = 0; j < medusa->size(); ++j) heads.push_back(GreedyTokens(logits[j]));
      proposals.push_back(std::move(heads));
    }
    for (size_t i = 0; i < prompts.size(); ++i) {
      outputs[i].tokens.push_back(tokens[i]);
      ids[i] = {tokens[i]};
    }
  }
  for (size_t at = 0; at < proposals.size(); ++at) {
    for (size_t i = 0; i < prompts.size(); ++i) {
      outputs[i].hits.push_back(Hits(proposals, outputs[i].tokens, at, i));
    }
  }
  return outputs;
}

}  // namespace hat
