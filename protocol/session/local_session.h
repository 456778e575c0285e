// The whole model on the device: no frames.
#pragma once

#include "protocol/session/session.h"

namespace hat {

class LocalSession : public DeviceSession {
 public:
  using DeviceSession::DeviceSession;

 private:
  bool Run() override;
};

}  // namespace hat
