// One stream of a device to its cloud, and the protocol's device at its end.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include "protocol/deployment.h"
#include "runtime/serve/live_link.h"
#include "runtime/serve/wire/wire_client.h"

namespace hat {

class DeviceLink {
 public:
  // References outlive the object.
  struct Setup {
    World& world;
    const Agreement& agreement;  // its stages: the cloud's welcome has them
    const DevicePolicies& policies;
    Observer& observer;  // that locks
    int device = 0;      // by which the run knows it
    int max_sessions = 32;
    int max_positions = INT32_MAX;  // of the model
    Seconds answer_timeout = Seconds::Infinity();
    Device::MakeCompute make_compute;
    Device::OnEnd on_end;
    WireClient::Setup wire;  // but for its events
    LinkSettings uplink;
    Lateness* lateness = nullptr;  // of the downlink's frames, where it is shaped
  };

  // Connects. Throws RunError: no cloud, or it refuses.
  explicit DeviceLink(Setup setup);
  // The world's activities have ended.
  ~DeviceLink();

  // As Device's.
  void OnArrival(const Request& request) { node_->device().OnArrival(request); }
  // Why the stream has ended; nothing while it has not. All requests end then, as failed; they may
  // go on unless another program has taken this device's place.
  std::optional<std::string> lost() const;
  Seconds round_trip() const;
  Seconds silence() const;  // since something came from the cloud
  // Once it is lost: frees what the stream takes. Requests may still be ending.
  void HangUp();

 private:
  void OnPiece(const Piece& piece);
  void OnFrame(Frame frame);
  void OnClosed(const std::string& why);
  void EndRequests();

  Setup setup_;
  Agreement agreement_;
  mutable std::mutex mutex_;        // of lost_ and garbled_, and of making client_ and node_
  std::optional<SessionEnd> lost_;  // how requests end
  std::optional<std::string> garbled_;
  std::shared_ptr<WireClient> client_;
  std::shared_ptr<LinkSender> sender_;
  std::unique_ptr<DeviceNode> node_;
  std::unique_ptr<LinkReceiver> receiver_;
};

}  // namespace hat
