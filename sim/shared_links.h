// Links that contend (a WiFi cell, a common ingress), played by SimGrid's flows: max-min fair
// shares of every link on the way. A device's frames still go in order, one at a time a direction.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <unordered_map>
#include <vector>

#include "experiments/scenario/fleet.h"
#include "protocol/deployment.h"
#include "sim/flows.h"

namespace hat {

// One direction of one device's link. An activity carries its frames while there are any.
class SharedPipe {
 public:
  // `rate`, not owned, is of bytes on the wire, `efficiency` the payload in them: as the platform's
  // link, but for changes over time.
  SharedPipe(World& world, Flows& flows, Observer& observer, Direction direction, int device,
             int hidden, const LinkRate& rate, double efficiency, Seconds latency,
             FrameReceiver receiver);

  void Send(Frame frame);
  // Called with each frame when its last byte has left.
  void set_on_left(std::function<void(const FrameHeader&)> on_left) {
    on_left_ = std::move(on_left);
  }
  bool is_idle() const { return !is_carrying_ && in_flight_.empty(); }

 private:
  struct Item {
    FrameEvent event;
    Frame frame;
  };
  void Carry();
  void Transfer(Bytes size);
  void FollowRate(uint64_t transfer);
  void DeliverFirst();

  World& world_;
  Flows& flows_;
  Observer& observer_;
  Direction direction_;
  int device_;
  int hidden_;
  const LinkRate& rate_;
  double efficiency_;
  Seconds latency_;
  FrameReceiver receiver_;
  std::function<void(const FrameHeader&)> on_left_;
  uint64_t transfers_ = 0;  // begun or ended
  bool is_carrying_ = false;
  std::deque<Item> queued_;
  std::deque<Item> in_flight_;  // left, not arrived
};

class SharedUplink : public Uplink {
 public:
  SharedUplink(World& world, std::unique_ptr<SharedPipe> pipe);
  void Send(Frame frame) override;
  void WaitForRoom(SessionId session) override;
  bool is_idle() const { return pipe_->is_idle(); }

 private:
  struct Unsent {
    int frames = 0;
    std::unique_ptr<Signal> left;
  };
  World& world_;
  std::unique_ptr<SharedPipe> pipe_;
  std::unordered_map<SessionId, Unsent> unsent_;  // prefill frames
};

class SharedDownlinks : public Downlinks {
 public:
  void Add(std::unique_ptr<SharedPipe> pipe) { pipes_.push_back(std::move(pipe)); }
  void Send(int device, Frame frame) override {
    pipes_[static_cast<size_t>(device)]->Send(std::move(frame));
  }
  bool is_idle() const;

 private:
  std::vector<std::unique_ptr<SharedPipe>> pipes_;  // by device
};

// Of a fleet.
class SharedLinks : public Links {
 public:
  SharedLinks(World& world, Flows& flows, Observer& observer, int hidden, const Fleet& fleet,
              const LinkConfig& config)
      : world_(world),
        flows_(flows),
        observer_(observer),
        hidden_(hidden),
        fleet_(fleet),
        config_(config) {}

  std::unique_ptr<Uplink> AddUplink(int device, FrameReceiver to_cloud) override;
  void AddDownlink(int device, FrameReceiver to_device) override;
  Downlinks& downlinks() override { return downlinks_; }
  bool is_idle() const;

 private:
  std::unique_ptr<SharedPipe> MakePipe(Direction direction, int device, FrameReceiver receiver);

  World& world_;
  Flows& flows_;
  Observer& observer_;
  int hidden_;
  const Fleet& fleet_;
  const LinkConfig& config_;
  std::vector<const SharedUplink*> uplinks_;  // of the devices, which own them
  SharedDownlinks downlinks_;
};

}  // namespace hat
