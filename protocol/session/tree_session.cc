#include "protocol/session/tree_session.h"

#include <utility>

#include "core/error.h"

namespace hat {

void TreeSession::OnFirst() { Report(DeviceOp::kMedusa, 1, 0, compute_.tree_drafter().RunHeads()); }

bool TreeSession::RunRound() {
  const Tree tree = CutTree(FindTree(device_.system.options.tree), remaining_ - 1);
  InputCompute::Result input = compute_.tree_drafter().RunTree(tree);
  Report(DeviceOp::kInput, tree.size(), newest_position_, input.span);
  Send(TreeFrame(tree, std::move(input.states)));

  const auto answer = AwaitAnswer(FrameKind::kVerify, newest_position_, Just(tree.size()));
  if (!answer) return false;
  Verifier::VerifiedTree verified = compute_.verifier().VerifyTree(tree, answer->frame.states);
  Report(DeviceOp::kHead, tree.size(), 0, verified.span);
  HAT_CHECK(!verified.path.empty() && verified.path.front() == 0);
  const int committed = static_cast<int>(verified.path.size());
  newest_position_ += committed;
  kept_path_ = std::move(verified.path);
  device_.observer.OnRound(
      {request_.id, tree.size() - 1, committed - 1, 0, 0, device_.world.Now()});
  Commit(committed, verified.ends_text);
  if (remaining_ > 0) Report(DeviceOp::kMedusa, 1, 0, compute_.tree_drafter().RunHeads());
  return true;
}

Frame TreeSession::TreeFrame(const Tree& tree, States states) {
  Frame frame = MakeFrame(FrameKind::kVerify, newest_position_, tree.size(), std::move(states));
  frame.header.flags |= kFlagTree;
  frame.parents = tree.parents;
  frame.kept = std::move(kept_path_);
  frame.header.kept_count = static_cast<int32_t>(frame.kept.size());
  return frame;
}

}  // namespace hat
