// Models whose drafts are often right, and an oracle of drafts: what drafter and target say after
// a text, computed afresh from all of its tokens, without caches, frames or the protocol.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <ATen/ATen.h>

#include "runtime/model/adapter.h"
#include "runtime/model/medusa.h"
#include "runtime/session/split_model.h"
#include "tests/runtime/model/tiny_model.h"

namespace hat {

// `model` with what the layers from `first` on add scaled by `factor`: a small one makes shallow
// states nearly deep ones.
Model Damped(const Model& model, int first, double factor);

// Writes an adapter for `model` that changes states little, to draft well where they are.
void WriteMildAdapter(const std::string& path, const Model& model, int split);

class Oracle {
 public:
  Oracle(const Model& model, const SplitOptions& options);

  struct Proposal {
    int32_t token = 0;
    float confidence = 0;
    at::Tensor logits;  // [1, vocabulary]
  };
  // The adapter's after `text`, with what the text says itself where the system looks up.
  Proposal Propose(const std::vector<int32_t>& text) const;
  int32_t Target(const std::vector<int32_t>& text) const;  // the model's own token after `text`
  // Of the Medusa heads on the state after `text`. [heads, 1, vocabulary]
  at::Tensor MedusaLogits(const std::vector<int32_t>& text) const;

 private:
  at::Tensor DeepState(const std::vector<int32_t>& text) const;  // [1, hidden], of the last token

  SplitPlan plan_;
  bool looks_up_;
  InputModel input_;
  MiddleModel middle_;
  OutputHead head_;
  std::vector<Adapter> adapter_;     // none or one
  std::vector<MedusaHeads> medusa_;  // likewise
};

}  // namespace hat
