// Links that nothing else contends for: FifoLink's closed form, one callback a frame, no activity.
// Used by the simulator and by the in-memory world.
#pragma once

#include <functional>
#include <memory>
#include <unordered_map>
#include <vector>

#include "core/fifo.h"
#include "protocol/ports.h"
#include "world/fifo_link.h"
#include "world/world_mutex.h"

namespace hat {

using FrameReceiver = std::function<void(int device, Frame frame)>;  // must not block
using ExtraDelay = std::function<Seconds(const FrameHeader&)>;       // added to a frame's latency

// One direction of one device's link. Tells the observer of each frame on its arrival.
class DedicatedPipe {
 public:
  DedicatedPipe(World& world, Observer& observer, Direction direction, int device, int hidden,
                FifoLink link, FrameReceiver receiver, ExtraDelay extra_delay = {});

  FifoLink::Transit Send(Frame frame);

 private:
  struct InFlight {
    FrameEvent event;
    Frame frame;
  };
  InFlight TakeFirst();
  void DeliverFirst();

  World& world_;
  Observer& observer_;
  Direction direction_;
  int device_;
  int hidden_;
  FifoLink link_;
  FrameReceiver receiver_;
  ExtraDelay extra_delay_;
  WorldMutex mutex_;      // of the link and of everything below
  Seconds last_arrival_;  // frames stay in order, whatever the extra delay
  Fifo<InFlight> in_flight_;
};

class DedicatedUplink : public Uplink {
 public:
  DedicatedUplink(World& world, std::unique_ptr<DedicatedPipe> pipe);
  void Send(Frame frame) override;
  void WaitForRoom(SessionId session) override;

 private:
  World& world_;
  std::unique_ptr<DedicatedPipe> pipe_;
  WorldMutex mutex_;  // of everything below
  struct LastLeft {
    Seconds newest;
    Seconds second_newest;
  };
  std::unordered_map<SessionId, LastLeft> prefill_left_;  // while a session prefills
};

class DedicatedDownlinks : public Downlinks {
 public:
  void Add(std::unique_ptr<DedicatedPipe> pipe) { pipes_.push_back(std::move(pipe)); }
  void Send(int device, Frame frame) override {
    pipes_[static_cast<size_t>(device)]->Send(std::move(frame));
  }

 private:
  std::vector<std::unique_ptr<DedicatedPipe>> pipes_;  // by device
};

}  // namespace hat
