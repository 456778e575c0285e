// A device that reaches its cloud over a network: the protocol's device, and one stream.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include "protocol/deployment.h"
#include "runtime/serve/live_link.h"
#include "runtime/serve/wire/wire_client.h"

namespace hat {

class DeviceAgent {
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
    std::optional<Seconds> downlink_latency = {};  // of one that is shaped
    Lateness* lateness = nullptr;                  // of its frames
  };

  // Connects. Throws RunError: no cloud, or it refuses.
  explicit DeviceAgent(Setup setup);
  // The world's activities have ended.
  ~DeviceAgent();

  // As Device's.
  void OnArrival(const Request& request) { node_->device().OnArrival(request); }
  // Why the stream has ended; nothing while it has not. All requests end then, as failed.
  std::optional<std::string> lost() const;
  Seconds round_trip() const { return client_->round_trip(); }
  Seconds silence() const { return client_->silence(); }

 private:
  void OnPiece(const Piece& piece);
  void OnFrame(Frame frame);
  void OnClosed(const std::string& why);

  Setup setup_;
  Agreement agreement_;
  mutable std::mutex mutex_;  // of lost_, and of making node_
  std::optional<std::string> lost_;
  std::unique_ptr<WireClient> client_;
  std::shared_ptr<LinkSender> sender_;
  std::unique_ptr<DeviceNode> node_;
  std::unique_ptr<LinkReceiver> receiver_;
};

}  // namespace hat
