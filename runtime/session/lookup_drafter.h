// A drafter of chains without a model of its own: text_lookup.h. It takes no GPU, and the chain
// goes through the input layers at once.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "runtime/session/live_session.h"

namespace hat {

// "adapter+lookup": in an adapter's logits [vocabulary], of what comes after the text, the token
// that followed its last ones before gains by how many there were. The drafter's confidence is then
// softmax(logits / temperature)'s, as ever.
void AddEvidence(const at::Tensor& logits, std::span<const int32_t> text, double temperature);

class LookupDrafter : public LiveChainDrafter {
 public:
  explicit LookupDrafter(LiveSession& session) : session_(session) {}

  std::optional<Span> ReadPrompt(int /*prompt_tokens*/) override { return std::nullopt; }
  // Where nothing is found it proposes the newest token once more, at confidence 0.
  Step RunStep() override;
  bool computes_states() const override { return false; }
  void Settle(int first, bool all_kept) override;

 private:
  LiveSession& session_;
};

}  // namespace hat
