#include "sim/shared_links.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace hat {

SharedPipe::SharedPipe(World& world, Flows& flows, Observer& observer, Direction direction,
                       int device, int hidden, const LinkRate& rate, double efficiency,
                       Seconds latency, FrameReceiver receiver)
    : world_(world),
      flows_(flows),
      observer_(observer),
      direction_(direction),
      device_(device),
      hidden_(hidden),
      rate_(rate),
      efficiency_(efficiency),
      latency_(latency),
      receiver_(std::move(receiver)) {}

void SharedPipe::Send(Frame frame) {
  FrameEvent event{static_cast<int>(frame.header.session),
                   device_,
                   direction_,
                   frame.header,
                   FrameBytes(frame.header, hidden_),
                   world_.Now(),
                   {},
                   {},
                   {}};
  if (is_carrying_) frame.header.flags |= kFlagBackToBack;
  event.header = frame.header;
  queued_.push_back({event, std::move(frame)});
  if (!is_carrying_) {
    is_carrying_ = true;
    world_.Start(fmt::format("link of device {}", device_), [this] { Carry(); });
  }
}

void SharedPipe::Carry() {
  while (!queued_.empty()) {
    Item item = std::move(queued_.front());
    queued_.pop_front();
    item.event.start = world_.Now();
    Transfer(item.event.size);
    item.event.left = world_.Now();
    item.event.arrived = item.event.left + latency_;
    const FrameHeader header = item.frame.header;
    world_.CallAt(item.event.arrived, [this] { DeliverFirst(); });
    in_flight_.push_back(std::move(item));
    if (on_left_) on_left_(header);
  }
  is_carrying_ = false;
}

void SharedPipe::Transfer(Bytes size) {
  if (rate_.curve() == nullptr) return flows_.Transfer(direction_, device_, size);
  flows_.SetBandwidth(direction_, device_, rate_.Peak() * efficiency_);
  flows_.Transfer(direction_, device_, size, [this] { FollowRate(++transfers_); });
  ++transfers_;
}

void SharedPipe::FollowRate(uint64_t transfer) {
  if (transfer != transfers_) return;
  const RateTrace::Hold hold = rate_.HoldAt(world_.Now());
  flows_.SetBandwidth(direction_, device_, hold.rate * efficiency_);
  world_.CallAt(hold.until, [this, transfer] { FollowRate(transfer); });
}

void SharedPipe::DeliverFirst() {
  Item first = std::move(in_flight_.front());
  in_flight_.pop_front();
  observer_.OnFrame(first.event);
  receiver_(device_, std::move(first.frame));
}

SharedUplink::SharedUplink(World& world, std::unique_ptr<SharedPipe> pipe)
    : world_(world), pipe_(std::move(pipe)) {
  pipe_->set_on_left([this](const FrameHeader& header) {
    const auto unsent = unsent_.find(header.session);
    if (unsent == unsent_.end() || header.kind != FrameKind::kPrefill) return;
    --unsent->second.frames;
    if (unsent->second.left) unsent->second.left->Raise();
  });
}

void SharedUplink::Send(Frame frame) {
  if (frame.header.kind == FrameKind::kPrefill) {
    ++unsent_[frame.header.session].frames;
  } else {
    unsent_.erase(frame.header.session);  // its prefill is over
  }
  pipe_->Send(std::move(frame));
}

void SharedUplink::WaitForRoom(SessionId session) {
  const auto found = unsent_.find(session);
  if (found == unsent_.end()) return;
  Unsent& unsent = found->second;
  while (unsent.frames >= 2) {
    if (!unsent.left) unsent.left = world_.MakeSignal();
    unsent.left->Wait();
  }
}

bool SharedDownlinks::is_idle() const {
  return std::all_of(pipes_.begin(), pipes_.end(),
                     [](const auto& pipe) { return pipe->is_idle(); });
}

std::unique_ptr<SharedPipe> SharedLinks::MakePipe(Direction direction, int device,
                                                  FrameReceiver receiver) {
  const LinkRate& rate =
      direction == Direction::kUp ? fleet_.uplink(device) : fleet_.downlink(device);
  return std::make_unique<SharedPipe>(world_, flows_, observer_, direction, device, hidden_, rate,
                                      config_.efficiency, config_.latency, std::move(receiver));
}

std::unique_ptr<Uplink> SharedLinks::AddUplink(int device, FrameReceiver to_cloud) {
  auto uplink =
      std::make_unique<SharedUplink>(world_, MakePipe(Direction::kUp, device, std::move(to_cloud)));
  uplinks_.push_back(uplink.get());
  return uplink;
}

void SharedLinks::AddDownlink(int device, FrameReceiver to_device) {
  downlinks_.Add(MakePipe(Direction::kDown, device, std::move(to_device)));
}

bool SharedLinks::is_idle() const {
  return downlinks_.is_idle() && std::ranges::all_of(uplinks_, [](const SharedUplink* uplink) {
           return uplink->is_idle();
         });
}

}  // namespace hat
