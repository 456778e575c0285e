// The first layers and the head on the device, the layers between them in the cloud: what all such
// systems share is the prefill, in chunks.
#pragma once

#include "protocol/session/session.h"

namespace hat {

class SplitSession : public DeviceSession {
 public:
  using DeviceSession::DeviceSession;

 private:
  bool Run() override;
  bool Prefill();
  bool IsToldToStop();  // then Fail() has been told why
  int NextChunk(int first_position) const;
  std::optional<Delivery> AwaitFirst();

  // All prompt frames are sent.
  virtual void OnPromptSent() {}
  // Output token 1 is out, and more are to come.
  virtual void OnFirst() {}
  // One more round of tokens. False: the session has failed.
  virtual bool RunRound() = 0;
};

}  // namespace hat
