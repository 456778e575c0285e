#include "protocol/session/raw_session.h"

namespace hat {

bool RawSession::Run() {
  Send(MakeFrame(FrameKind::kRawPrompt, 0, request_.prompt_tokens, {}));
  for (int position = request_.prompt_tokens - 1; remaining_ > 0; ++position) {
    if (!AwaitAnswer(FrameKind::kRawToken, position, 1)) return false;
    Commit(1, false);
  }
  return true;
}

}  // namespace hat
