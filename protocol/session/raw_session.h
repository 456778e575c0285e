// The whole model in the cloud: the prompt's tokens go up, tokens come down, one by one or, where
// the cloud drafts, several at once.
#pragma once

#include "protocol/session/session.h"

namespace hat {

class RawSession : public DeviceSession {
 public:
  using DeviceSession::DeviceSession;

 private:
  bool Run() override;
};

}  // namespace hat
