// The Observer port: who is told what happened in a run, and when. Recorder, laws, timeline,
// explain and tests are observers. Each event is told once, when it has ended, with its times, of
// which requested <= start <= end. Calls come in the order of these ends; a frame's end is its
// arrival. In the live runtime calls may come from any thread: an observer that is used there
// locks.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "core/units.h"
#include "protocol/request.h"
#include "protocol/session_key.h"
#include "world/span.h"

namespace hat {

enum class DeviceOp { kInput, kAdapter, kHead, kMedusa, kDraft, kDraftAhead };
std::string_view Name(DeviceOp op);  // "input", "adapter", "head", "medusa", "draft", "draft-ahead"

struct DeviceOpEvent {
  int request = 0;
  int device = 0;
  DeviceOp op = DeviceOp::kInput;
  int tokens = 0;   // width of the operation: new positions, or branches of a draft-ahead step
  int context = 0;  // positions in the cache before
  Span span;
};

enum class Direction { kUp, kDown };

// One frame over one device's link. sent <= start <= left <= arrived.
struct FrameEvent {
  int request = 0;
  int device = 0;
  Direction direction = Direction::kUp;
  FrameHeader header;
  Bytes size;       // as FrameBytes
  Seconds sent;     // handed to the link's queue
  Seconds start;    // first byte enters the link
  Seconds left;     // last byte has entered it
  Seconds arrived;  // last byte is there
};

// A sequence's share of a batch.
struct BatchPart {
  SessionKey session;
  FrameKind kind = FrameKind::kPrefill;  // kPrefill, kVerify, kRawPrompt; a raw token is kVerify
  int first_position = 0;                // also the context: positions in the cloud's cache before
  int tokens = 0;
  bool completes_prompt = false;      // holds position L - 1
  Seconds arrived;                    // of the (first) frame it comes from
  std::vector<int32_t> kept = {};     // from the frame, for the cache
  std::vector<int32_t> parents = {};  // a tree's
  // Shallow before stage 0, deep after the last stage; empty in the simulator.
  States states = {};

  int request() const { return static_cast<int>(session.number); }  // in one process
};

struct Batch {
  int ordinal = 0;  // counts a replica's batches from 0
  int replica = 0;
  int tokens = 0;  // sum of its parts'
  std::vector<BatchPart> parts;
  Seconds formed;  // stage 0 entered
};

// One batch on one pipeline stage. requested: the batch lay complete in the stage's buffer (stage
// 0: = start).
struct StageEvent {
  const Batch* batch = nullptr;  // valid during the call only
  int stage = 0;
  Span span;
  // The batch has reached the next stage's buffer; = span.end after the last stage.
  Seconds linked;
};

// A round's outcome, told when its tokens are out; where the cloud drafts, when it has left the
// last stage, before they arrive. For u-shape: drafted = accepted = 0.
struct RoundEvent {
  int request = 0;
  int drafted = 0;
  int accepted = 0;
  int ahead_steps = 0;   // draft-ahead steps done while this round was verified
  int wasted_steps = 0;  // of these, thrown away
  Seconds at;
};

enum class Outcome { kCompleted, kFailed, kCancelled };

class Observer {
 public:
  virtual ~Observer() = default;
  virtual void OnArrival(const Request&) {}
  virtual void OnStart(const Request&, Seconds) {}  // a session of the device takes it
  virtual void OnDeviceOp(const DeviceOpEvent&) {}
  virtual void OnFrame(const FrameEvent&) {}
  virtual void OnAdmitted(int /*request*/, int /*replica*/, Seconds) {}
  virtual void OnStage(const StageEvent&) {}
  // The stage has thrown: the batch leaves the pipeline, its sessions end.
  virtual void OnStageFailed(const Batch&, int /*stage*/, const Span&) {}
  virtual void OnRound(const RoundEvent&) {}
  // `count` output tokens are out on the device.
  virtual void OnTokens(int /*request*/, int /*count*/, Seconds) {}
  // Why a request did not complete; OnEnd follows.
  virtual void OnFailure(int /*request*/, std::string_view /*reason*/, Seconds) {}
  virtual void OnEnd(int /*request*/, Outcome, Seconds) {}  // told after its last OnTokens
  // The cloud has not let this device's frame in.
  virtual void OnRefused(int /*device*/, const FrameHeader&, std::string_view /*why*/, Seconds) {}
};

// Passes every event on to each of `observers`, in order.
class ObserverList : public Observer {
 public:
  void Add(Observer* observer) { observers_.push_back(observer); }

  void OnArrival(const Request& request) override;
  void OnStart(const Request& request, Seconds at) override;
  void OnDeviceOp(const DeviceOpEvent& event) override;
  void OnFrame(const FrameEvent& event) override;
  void OnAdmitted(int request, int replica, Seconds at) override;
  void OnStage(const StageEvent& event) override;
  void OnStageFailed(const Batch& batch, int stage, const Span& span) override;
  void OnRound(const RoundEvent& event) override;
  void OnTokens(int request, int count, Seconds at) override;
  void OnFailure(int request, std::string_view reason, Seconds at) override;
  void OnEnd(int request, Outcome outcome, Seconds at) override;
  void OnRefused(int device, const FrameHeader& header, std::string_view why, Seconds at) override;

 private:
  std::vector<Observer*> observers_;  // not owned
};

}  // namespace hat
