#include "protocol/session/local_session.h"

namespace hat {

bool LocalSession::Run() {
  const int prompt = request_.prompt_tokens;
  Report(DeviceOp::kInput, prompt, 0, compute_.input().RunPrompt(0, prompt).span);
  const Verifier::First first = compute_.verifier().CommitFirst({});
  Report(DeviceOp::kHead, 1, 0, first.span);
  Commit(1, first.ends_text);
  while (remaining_ > 0) {
    if (inbox_.is_closed()) return Fail(inbox_.end());
    Report(DeviceOp::kInput, 1, newest_position_, compute_.input().RunChain(1).span);
    const Verifier::Verified verified = compute_.verifier().Verify(0, {});
    Report(DeviceOp::kHead, 1, 0, verified.span);
    ++newest_position_;
    Commit(1, verified.ends_text);
  }
  return true;
}

}  // namespace hat
