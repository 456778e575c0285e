// The links between devices and the cloud, and what the cloud computes. What a device computes:
// device_compute.h.
#pragma once

#include "protocol/frame.h"
#include "protocol/observer.h"

namespace hat {

// A device's uplink, shared by its sessions. Frames go in the order of Send, one at a time.
class Uplink {
 public:
  virtual ~Uplink() = default;
  virtual void Send(Frame frame) = 0;  // queues it and returns
  // Blocks until fewer than two prefill frames of `session` have bytes that have not left.
  virtual void WaitForRoom(SessionId session) = 0;
};

// All devices' downlinks, as the cloud sees them.
class Downlinks {
 public:
  virtual ~Downlinks() = default;
  virtual void Send(int device, Frame frame) = 0;  // queues it and returns
};

// What the cloud computes. In a world of threads each stage of a replica is a thread, and Forget
// comes from any: an implementation for such worlds locks.
class CloudCompute {
 public:
  virtual ~CloudCompute() = default;
  // What is wrong with states that a device has sent, if anything is: one that is not finite. Such
  // a frame is refused, and so shares no batch with others'. Called from any thread.
  virtual std::optional<std::string> StatesProblem(const States&) const { return std::nullopt; }
  // One pipeline stage on one batch; blocks while it computes. Replaces the parts' states with this
  // stage's output. What it throws ends the sessions of the batch.
  virtual void RunStage(int stage, Batch& batch) = 0;
  // The session's cache is no longer needed; no stage works on it.
  virtual void Forget(const SessionKey& session) = 0;
  // When a batch that leaves `stage` now has crossed the server's link (a FIFO) into the next
  // stage's buffer.
  virtual Seconds CrossStageLink(int stage, const Batch& batch) = 0;

  // -- systems that return tokens: the cloud has the head, and may draft

  // How many tokens a part yields that has left the last stage: one, and what is kept of the
  // proposals in it.
  virtual int CommitTokens(const BatchPart&) { return 1; }
  // How many proposals follow the session's newest token into its next verification, at most
  // `most`. Does not block: what they take is part of that batch's first stage.
  virtual int Draft(const SessionKey&, int /*most*/) { return 0; }
};

}  // namespace hat
