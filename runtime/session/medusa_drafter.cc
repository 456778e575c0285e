#include "runtime/session/medusa_drafter.h"

#include <algorithm>
#include <utility>

#include <ATen/ATen.h>

namespace hat {

Span MedusaDrafter::RunHeads() {
  return session_.Run(DeviceOp::kMedusa, 1, 0, session_.newest_position() - 1,
                      [&] { logits_ = session_.model().medusa->Logits(session_.root_state); });
}

InputCompute::Result MedusaDrafter::RunTree(const Tree& tree) {
  InputCompute::Result result;
  result.span = session_.RunAt(DeviceOp::kInput, tree.size(), session_.newest_position(), [&] {
    const int first = session_.input_cache.size();
    const int deepest_rank = *std::ranges::max_element(tree.ranks);
    std::vector<std::vector<Likely>> guesses;  // [head][rank - 1]
    for (int head = 0; head < tree.max_depth(); ++head) {
      std::vector<Likely> best = LikeliestOf(logits_[head], deepest_rank + 1)[0];
      for (size_t rank = 2; rank <= best.size(); ++rank) {
        session_.Note(NearTie::Decision::kProposal, session_.output_size() + head,
                      {best[rank - 2], best[rank - 1]});
      }
      guesses.push_back(std::move(best));
    }
    tree_tokens_ = {session_.chain[0]};
    std::vector<int32_t> parents = {first - 1};
    for (size_t node = 1; node < tree.parents.size(); ++node) {
      const auto head = static_cast<size_t>(tree.depths[node]) - 1;
      tree_tokens_.push_back(guesses[head][static_cast<size_t>(tree.ranks[node]) - 1].token);
      parents.push_back(first + tree.parents[node]);
    }
    result.states = session_.Encode(session_.Shallow(tree_tokens_, parents));
  });
  return result;
}

}  // namespace hat
