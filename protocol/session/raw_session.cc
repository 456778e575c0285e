#include "protocol/session/raw_session.h"

#include <algorithm>

namespace hat {

bool RawSession::Run() {
  Send(MakeFrame(FrameKind::kRawPrompt, 0, request_.prompt_tokens, {}));
  int most = 1;  // that the next answer may bring: the prompt's, then a round's
  for (int position = request_.prompt_tokens - 1; remaining_ > 0;) {
    const auto answer = AwaitAnswer(FrameKind::kRawToken, position, {1, most});
    if (!answer) return false;
    const int tokens = answer->frame.header.count;
    position += tokens;
    Commit(tokens, false);
    most = std::min(LargestVerification(device_.system), remaining_);
  }
  return true;
}

}  // namespace hat
