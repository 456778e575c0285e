// A cloud that devices reach over a network: the protocol's server, and a stream per device.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "protocol/deployment.h"
#include "runtime/serve/live_link.h"
#include "runtime/serve/wire/grpc_log.h"
#include "runtime/serve/wire/wire_server.h"

namespace hat {

// Limits on what a device may ask of a cloud.
struct LiveLimits {
  int max_sessions = 64;          // that it may have open
  int max_positions = INT32_MAX;  // of the model
};

// So many of a stream's frames are refused one by one; then it is ended.
inline constexpr int kMostRefused = 100;

// The most that one frame of the system may have: states of a whole prompt.
Bytes LargestFrame(const Agreement& agreement, int max_positions);

class CloudService {
 public:
  // References outlive the object.
  struct Setup {
    World& world;
    const Agreement& agreement;
    CloudConfig config;
    std::vector<CloudCompute*> replicas;
    Observer& observer;  // that locks
    LiveLimits limits = {};
    WireServer::Setup wire;  // but for what is told, and find_device
    std::function<std::optional<KnownPeer>(std::string_view token)> find_device;
    // Of each device's downlink; none: the stream as it is.
    std::function<LinkSettings(int device)> downlink;
    Lateness* lateness = nullptr;  // of uplinks' frames, where they are shaped
    std::function<void(const std::string& line)> log = {};
  };
  explicit CloudService(Setup setup);
  // As Stop(). The world's activities, its stages among them, end between Stop() and this.
  ~CloudService();

  int port() const { return wire_->port(); }
  std::vector<WireServer::Peer> devices() const;  // none once it has stopped
  CloudServer::Load load() const { return server_->load(); }

  // No device is let in any more, and no session opened; those that are open may end within
  // `grace`. Then all streams are ended.
  void Stop(Seconds grace = Seconds(0));

 private:
  // Of frames that the front door does not let in, a line each.
  class Refusals : public ObserverList {
   public:
    explicit Refusals(CloudService& cloud) : cloud_(cloud) { Add(&cloud.setup_.observer); }
    void OnRefused(int device, const FrameHeader& header, std::string_view why,
                   Seconds at) override;
    void Forget(int device);
    int CountOf(int device) const;

   private:
    CloudService& cloud_;
    mutable std::mutex mutex_;
    std::map<int, int> counts_;  // of devices' streams
  };
  class LiveDownlinks : public Downlinks {
   public:
    void Send(int device, Frame frame) override;
    void Set(int device, std::shared_ptr<LinkSender> sender);  // null: it is gone

   private:
    std::mutex mutex_;
    std::map<int, std::shared_ptr<LinkSender>> senders_;
  };

  ConnectionEvents OnOpen(int device, std::shared_ptr<Connection> connection);
  void Log(const std::string& line) const;

  Setup setup_;
  Refusals refusals_{*this};
  HandshakeListener handshakes_;
  LiveDownlinks downlinks_;
  std::unique_ptr<CloudServer> server_;
  mutable std::mutex wire_mutex_;  // of whether it is there
  std::unique_ptr<WireServer> wire_;
};

}  // namespace hat
