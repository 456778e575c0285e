// How the parts of a system are put together, for every world: the cloud's side, the devices' side,
// and both of them in one process with links between them.
#pragma once

#include <memory>
#include <vector>

#include "protocol/cloud_server.h"
#include "protocol/dedicated_links.h"
#include "protocol/device.h"

namespace hat {

// What both sides must agree on.
struct Agreement {
  SystemSpec system;
  int hidden = 0;  // values per state
  Dtype dtype = Dtype::kFloat16;
  bool carries_states = true;  // false: frames are counted, but hold none (simulator)
  int stages = 1;              // P of the cloud's pipeline
};

// -- the cloud's side

struct CloudSide {
  World& world;
  const Agreement& agreement;
  CloudConfig config;
  std::vector<CloudCompute*> replicas;  // not owned
  Downlinks& downlinks;
  Observer& observer;
  int max_positions = INT32_MAX;  // of the model
  int max_sessions = INT32_MAX;   // that a device may have open
  std::function<void(std::exception_ptr)> on_fault = {};
};

// The server, which refuses what the agreement does not allow.
std::unique_ptr<CloudServer> MakeCloud(CloudSide side);

// -- the devices' side

// The policies of a system; all its devices share them.
struct DevicePolicies {
  explicit DevicePolicies(const SystemSpec& system);
  std::unique_ptr<ChunkingPolicy> chunking;
  std::unique_ptr<DraftingPolicy> drafting;  // null: no drafting
};

struct DeviceSide {
  World& world;
  const Agreement& agreement;
  const DevicePolicies& policies;
  std::unique_ptr<Uplink> uplink;
  Observer& observer;
  const DraftingPolicy* drafting = nullptr;  // instead of the policies', where given
  int device = 0;
  int max_sessions = 1;
  Seconds answer_timeout = Seconds::Infinity();
  Device::MakeCompute make_compute;
  Device::OnEnd on_end = [](const Request&, const SessionEnd&) {};
};

// A device with what its sessions share.
class DeviceNode {
 public:
  explicit DeviceNode(DeviceSide side);

  Device& device() { return device_; }
  DeviceMonitor& monitor() { return monitor_; }

 private:
  DeviceMonitor monitor_;
  std::unique_ptr<Uplink> uplink_;
  Device device_;
};

// -- both, in one process

// The links of all devices.
class Links {
 public:
  virtual ~Links() = default;
  // Device 0, 1, ...: its uplink, whose frames `to_cloud` receives.
  virtual std::unique_ptr<Uplink> AddUplink(int device, FrameReceiver to_cloud) = 0;
  // Its downlink, likewise; afterwards downlinks() reaches it.
  virtual void AddDownlink(int device, FrameReceiver to_device) = 0;
  virtual Downlinks& downlinks() = 0;
};

class Deployment {
 public:
  // `replicas`: empty where the system has no cloud. All references outlive this.
  struct Setup {
    World& world;
    Agreement agreement;
    CloudConfig cloud;
    std::vector<CloudCompute*> replicas;
    Links& links;
    Observer& observer;
    int max_positions = INT32_MAX;
    Seconds answer_timeout = Seconds::Infinity();
    std::function<void(std::exception_ptr)> on_fault = {};
    const DraftingPolicy* drafting = nullptr;  // instead of the system's, where given
  };
  explicit Deployment(Setup setup);
  Deployment(const Deployment&) = delete;
  Deployment& operator=(const Deployment&) = delete;

  // Starts the cloud's activities.
  void Start();

  // Device 0, 1, ...
  void AddDevice(int max_sessions, Device::MakeCompute make_compute, Device::OnEnd on_end);

  CloudServer* cloud() { return cloud_.get(); }  // null: there is none
  Device& device(int index) { return nodes_[static_cast<size_t>(index)]->device(); }
  DeviceMonitor& monitor(int index) { return nodes_[static_cast<size_t>(index)]->monitor(); }
  int devices() const { return static_cast<int>(nodes_.size()); }

 private:
  Setup setup_;
  DevicePolicies policies_;
  std::unique_ptr<CloudServer> cloud_;
  std::vector<std::unique_ptr<DeviceNode>> nodes_;
};

// Dedicated links, each with a rate of its own.
class DedicatedLinks : public Links {
 public:
  struct Pair {
    FifoLink up;
    FifoLink down;
    ExtraDelay up_delay = {};
    ExtraDelay down_delay = {};
  };
  using LinksOf = std::function<Pair(int device)>;

  DedicatedLinks(World& world, Observer& observer, int hidden, LinksOf links_of)
      : world_(world), observer_(observer), hidden_(hidden), links_of_(std::move(links_of)) {}

  std::unique_ptr<Uplink> AddUplink(int device, FrameReceiver to_cloud) override;
  void AddDownlink(int device, FrameReceiver to_device) override;
  Downlinks& downlinks() override { return downlinks_; }

 private:
  World& world_;
  Observer& observer_;
  int hidden_;
  LinksOf links_of_;
  DedicatedDownlinks downlinks_;
};

}  // namespace hat
