#include "protocol/dedicated_links.h"

#include <algorithm>
#include <utility>

namespace hat {

DedicatedPipe::DedicatedPipe(World& world, Observer& observer, Direction direction, int device,
                             int hidden, FifoLink link, FrameReceiver receiver,
                             ExtraDelay extra_delay)
    : world_(world),
      observer_(observer),
      direction_(direction),
      device_(device),
      hidden_(hidden),
      link_(link),
      receiver_(std::move(receiver)),
      extra_delay_(std::move(extra_delay)),
      mutex_(world) {}

FifoLink::Transit DedicatedPipe::Send(Frame frame) {
  const Bytes size = FrameBytes(frame.header, hidden_);
  const std::lock_guard lock(mutex_);
  const Seconds now = world_.Now();
  FifoLink::Transit transit = link_.Send(now, size);
  if (transit.is_back_to_back) frame.header.flags |= kFlagBackToBack;
  if (extra_delay_) transit.arrived += extra_delay_(frame.header);
  transit.arrived = last_arrival_ = std::max(transit.arrived, last_arrival_);
  const FrameEvent event{static_cast<int>(frame.header.session),
                         device_,
                         direction_,
                         frame.header,
                         size,
                         now,
                         transit.start,
                         transit.left,
                         transit.arrived};
  // Where it lies is a hint for worlds that ask for memory beforehand (EventQueue::PrefetchFirst).
  const void* const place = &in_flight_.Push({event, std::move(frame)});
  world_.CallAt(transit.arrived, [this, place] {
    (void)place;
    DeliverFirst();
  });
  return transit;
}

DedicatedPipe::InFlight DedicatedPipe::TakeFirst() {
  const std::lock_guard lock(mutex_);
  return in_flight_.Pop();
}

void DedicatedPipe::DeliverFirst() {
  InFlight first = TakeFirst();
  observer_.OnFrame(first.event);
  receiver_(device_, std::move(first.frame));
}

DedicatedUplink::DedicatedUplink(World& world, std::unique_ptr<DedicatedPipe> pipe)
    : world_(world), pipe_(std::move(pipe)), mutex_(world) {}

void DedicatedUplink::Send(Frame frame) {
  const SessionId session = frame.header.session;
  const FrameKind kind = frame.header.kind;
  const FifoLink::Transit transit = pipe_->Send(std::move(frame));
  const std::lock_guard lock(mutex_);
  if (kind == FrameKind::kPrefill) {
    LastLeft& left = prefill_left_[session];
    left = {transit.left, left.newest};
  } else if (!prefill_left_.empty()) {
    prefill_left_.erase(session);
  }
}

void DedicatedUplink::WaitForRoom(SessionId session) {
  Seconds room;
  {
    const std::lock_guard lock(mutex_);
    const auto found = prefill_left_.find(session);
    if (found != prefill_left_.end()) room = found->second.second_newest;
  }
  world_.SleepUntil(room);
}

}  // namespace hat
