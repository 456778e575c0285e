// What a device does for one request, from its first frame to its end: straight-line code over the
// ports. Each kind of system has a session of its own; this is what they share.
#pragma once

#include <memory>
#include <optional>

#include "protocol/device_compute.h"
#include "protocol/inbox.h"
#include "protocol/policies/chunking.h"
#include "protocol/policies/drafting.h"
#include "protocol/ports.h"
#include "protocol/state_monitor.h"
#include "protocol/system.h"

namespace hat {

// What all sessions of a device share.
struct DeviceContext {
  World& world;
  const SystemSpec& system;
  const ChunkingPolicy& chunking;
  const DraftingPolicy* drafting = nullptr;  // null: no drafting
  DeviceMonitor& monitor;
  Uplink& uplink;
  Observer& observer;
  int device = 0;
  int hidden = 0;  // values per state
  Dtype dtype = Dtype::kFloat16;
  bool carries_states = true;  // false: frames are counted, but hold none (simulator)
  int stages = 1;              // P of the cloud's pipeline
  // How long a session waits for an answer before it fails.
  Seconds answer_timeout = Seconds::Infinity();
};

class DeviceSession {
 public:
  DeviceSession(DeviceContext& device, DeviceCompute& compute, Inbox& inbox)
      : device_(device), compute_(compute), inbox_(inbox) {}
  virtual ~DeviceSession() = default;

  // Serves `request` until its last token is out or it fails. Whatever the reason, a Close frame is
  // then queued where the cloud may know the session.
  SessionEnd Serve(const Request& request);

 protected:
  // The whole request. False: it has failed, and Fail() has been told why.
  virtual bool Run() = 0;

  bool Fail(SessionEnd end);  // false
  Frame MakeFrame(FrameKind kind, int first_position, int count, States states) const;
  void Send(Frame frame);
  // How many states (tokens, in raw kinds) an answer may hold.
  struct CountRange {
    int least;
    int most;
  };
  static CountRange Just(int count) { return {count, count}; }
  // The next answer, which must be of this kind and begin at this position. None: the session has
  // failed.
  std::optional<Delivery> AwaitAnswer(FrameKind kind, int first_position, CountRange count);
  // `tokens` more are out, now; `ends_text`: and these are all.
  void Commit(int tokens, bool ends_text);
  void Report(DeviceOp op, int tokens, int context, const Span& span);

  DeviceContext& device_;
  DeviceCompute& compute_;
  Inbox& inbox_;
  Request request_;
  int newest_position_ = 0;  // p: of the newest committed token
  int remaining_ = 0;        // R: output tokens still to come

 private:
  bool Fits(const Frame& answer, FrameKind kind, int first_position, CountRange count) const;

  SessionEnd end_;
  bool is_known_to_cloud_ = false;
};

// The session of the device's system.
std::unique_ptr<DeviceSession> MakeSession(DeviceContext& device, DeviceCompute& compute,
                                           Inbox& inbox);

}  // namespace hat
