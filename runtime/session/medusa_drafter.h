// u-medusa's drafter on a real model: heads that guess the next tokens from one deep state.
#pragma once

#include <cstdint>
#include <vector>

#include "runtime/session/live_session.h"

namespace hat {

class MedusaDrafter : public TreeDrafter {
 public:
  explicit MedusaDrafter(LiveSession& session) : session_(session) {}

  Span RunHeads() override;
  InputCompute::Result RunTree(const Tree& tree) override;

  const std::vector<int32_t>& tree_tokens() const { return tree_tokens_; }  // of the nodes

 private:
  LiveSession& session_;
  at::Tensor logits_;  // [heads, 1, vocabulary]: head j's guess of the newest position + j
  std::vector<int32_t> tree_tokens_;
};

}  // namespace hat
