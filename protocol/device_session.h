// What a device does for one request, from prefill to the last token: straight-line code over the
// ports. All systems.
#pragma once

#include <vector>

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
  const DraftingPolicy* drafting;  // null: no drafting
  DeviceMonitor& monitor;
  Uplink& uplink;
  Observer& observer;
  int device = 0;
  int hidden = 0;  // values a state
  WireDtype dtype = WireDtype::kFloat16;
  int stages = 1;  // P of the cloud's pipeline
};

class DeviceSession {
 public:
  DeviceSession(DeviceContext& device, DeviceCompute& compute, Inbox& inbox)
      : device_(device), compute_(compute), inbox_(inbox) {}

  // Serves `request` to its last token; returns when its Close frame is queued.
  void Serve(const Request& request);

 private:
  void ServeOnDevice();   // device-only
  void ServeFromCloud();  // cloud-only

  void Prefill();
  int NextChunk(int first_position) const;
  void PlainRound();
  void DraftRound();
  void TreeRound();

  // The steps of a round's draft: those kept from drafting ahead, then new ones, until the policy
  // or a bound stops.
  struct Draft {
    int proposals = 0;  // sent; proposals + 1 states
    States states;
  };
  Draft DraftUntilStop();
  int DraftAhead(int proposals);  // while the answer is on its way; returns the steps done
  // Returns the steps kept for the next round.
  int KeepAhead(DeviceCompute::Verified& verified, int ahead_steps);

  Frame MakeFrame(FrameKind kind, int first_position, int count, States states) const;
  Delivery AwaitAnswer(FrameKind kind);
  void Commit(int tokens);  // `tokens` more are out, now
  void Report(DeviceOp op, int tokens, int context, const Span& span);

  DeviceContext& device_;
  DeviceCompute& compute_;
  Inbox& inbox_;
  Request request_;
  int newest_position_ = 0;               // p: of the newest committed token
  int remaining_ = 0;                     // R: output tokens still to come
  std::vector<float> ahead_confidences_;  // of steps kept from drafting ahead
  std::vector<States> ahead_states_;
  std::vector<int32_t> kept_path_;  // u-medusa: of the previous round
};

}  // namespace hat
