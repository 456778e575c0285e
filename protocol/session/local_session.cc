#include "protocol/session/local_session.h"

namespace hat {

bool LocalSession::Run() {
  const int prompt = request_.prompt_tokens;
  Report(DeviceOp::kInput, prompt, 0, compute_.RunInput(0, prompt).span);
  const DeviceCompute::First first = compute_.CommitFirst({});
  Report(DeviceOp::kHead, 1, 0, first.span);
  Commit(1, first.ends_text);
  while (remaining_ > 0) {
    if (inbox_.is_closed()) return Fail(inbox_.end());
    Report(DeviceOp::kInput, 1, newest_position_, compute_.RunNewest().span);
    const DeviceCompute::Verified verified = compute_.Verify(0, {});
    Report(DeviceOp::kHead, 1, 0, verified.span);
    ++newest_position_;
    Commit(1, verified.ends_text);
  }
  return true;
}

}  // namespace hat
