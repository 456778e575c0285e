#include "runtime/serve/device_link.h"

#include <fmt/format.h>

#include <utility>

#include "core/error.h"
#include "runtime/serve/cloud_service.h"

namespace hat {

DeviceLink::DeviceLink(Setup setup) : setup_(std::move(setup)), agreement_(setup_.agreement) {
  receiver_ = std::make_unique<LinkReceiver>(
      LinkReceiver::Setup{.world = setup_.world,
                          .observer = setup_.observer,
                          .direction = Direction::kDown,
                          .device = setup_.device,
                          .hidden = agreement_.hidden,
                          .most = LargestFrame(agreement_, setup_.max_positions),
                          .lateness = setup_.lateness,
                          .on_frame = [this](Frame frame) { OnFrame(std::move(frame)); }});
  WireClient::Setup wire = setup_.wire;
  wire.events = {.on_piece = [this](const Piece& piece) { OnPiece(piece); },
                 .on_closed = [this](const std::string& why) { OnClosed(why); }};
  auto client = std::make_shared<WireClient>(wire);
  agreement_.stages = client->welcome().stages;
  auto sender = std::make_shared<LinkSender>(
      setup_.world, setup_.uplink, std::shared_ptr<Connection>(client, &client->connection()));
  auto node =
      std::make_unique<DeviceNode>(DeviceSide{.world = setup_.world,
                                              .agreement = agreement_,
                                              .policies = setup_.policies,
                                              .uplink = std::make_unique<DeviceUplink>(*sender),
                                              .observer = setup_.observer,
                                              .device = setup_.device,
                                              .max_sessions = setup_.max_sessions,
                                              .answer_timeout = setup_.answer_timeout,
                                              .make_compute = setup_.make_compute,
                                              .on_end = setup_.on_end});
  bool is_lost = false;
  {
    const std::lock_guard lock(mutex_);
    client_ = std::move(client);
    sender_ = std::move(sender);
    node_ = std::move(node);
    is_lost = lost_.has_value();
    if (garbled_) client_->connection().Close(*garbled_);
  }
  if (is_lost) EndRequests();
}

DeviceLink::~DeviceLink() { HangUp(); }

void DeviceLink::HangUp() {
  if (sender_) sender_->Stop();
  std::shared_ptr<WireClient> ended;
  {
    const std::lock_guard lock(mutex_);
    ended.swap(client_);
  }
}

Seconds DeviceLink::round_trip() const {
  const std::lock_guard lock(mutex_);
  return client_ ? client_->round_trip() : Seconds(0);
}

Seconds DeviceLink::silence() const {
  const std::lock_guard lock(mutex_);
  return client_ ? client_->silence() : Seconds(0);
}

std::optional<std::string> DeviceLink::lost() const {
  const std::lock_guard lock(mutex_);
  return lost_ ? std::optional(lost_->reason) : std::nullopt;
}

void DeviceLink::OnPiece(const Piece& piece) {
  try {
    receiver_->OnPiece(piece);
  } catch (const InputError& error) {
    const std::lock_guard lock(mutex_);
    garbled_ = error.what();
    if (client_) client_->connection().Close(*garbled_);
  }
}

// Nothing is asked before node_ is there: what comes then answers nothing.
void DeviceLink::OnFrame(Frame frame) {
  const std::lock_guard lock(mutex_);
  if (node_) node_->device().OnFrame(std::move(frame));
}

void DeviceLink::OnClosed(const std::string& why) {
  receiver_->Stop();
  {
    const std::lock_guard lock(mutex_);
    lost_ = {Outcome::kFailed, fmt::format("the stream to the cloud has ended: {}", why), nullptr,
             why != kReplaced};
    if (!node_) return;
  }
  EndRequests();
}

// Not under the mutex: who is told may ask whether the link is lost.
void DeviceLink::EndRequests() {
  sender_->Stop();
  node_->device().Stop(*lost_);
}

}  // namespace hat
