#include "runtime/serve/device_agent.h"

#include <fmt/format.h>

#include <utility>

#include "core/error.h"
#include "runtime/serve/cloud_service.h"

namespace hat {
namespace {

// Of one that belongs to another object.
std::shared_ptr<Connection> Borrowed(Connection& connection) {
  return {std::shared_ptr<void>(), &connection};
}

}  // namespace

DeviceAgent::DeviceAgent(Setup setup) : setup_(std::move(setup)), agreement_(setup_.agreement) {
  receiver_ = std::make_unique<LinkReceiver>(
      LinkReceiver::Setup{.world = setup_.world,
                          .observer = setup_.observer,
                          .direction = Direction::kDown,
                          .device = setup_.device,
                          .hidden = agreement_.hidden,
                          .most = LargestFrame(agreement_, setup_.max_positions),
                          .latency = setup_.downlink_latency,
                          .lateness = setup_.lateness,
                          .on_frame = [this](Frame frame) { OnFrame(std::move(frame)); }});
  WireClient::Setup wire = setup_.wire;
  wire.events = {.on_piece = [this](const Piece& piece) { OnPiece(piece); },
                 .on_closed = [this](const std::string& why) { OnClosed(why); }};
  client_ = std::make_unique<WireClient>(std::move(wire));
  agreement_.stages = client_->welcome().stages;
  sender_ =
      std::make_shared<LinkSender>(setup_.world, setup_.uplink, Borrowed(client_->connection()));
  auto node =
      std::make_unique<DeviceNode>(DeviceSide{.world = setup_.world,
                                              .agreement = agreement_,
                                              .policies = setup_.policies,
                                              .uplink = std::make_unique<DeviceUplink>(*sender_),
                                              .observer = setup_.observer,
                                              .device = setup_.device,
                                              .max_sessions = setup_.max_sessions,
                                              .answer_timeout = setup_.answer_timeout,
                                              .make_compute = setup_.make_compute,
                                              .on_end = setup_.on_end});
  const std::lock_guard lock(mutex_);
  node_ = std::move(node);
  if (lost_) node_->device().Stop({Outcome::kFailed, *lost_});
}

DeviceAgent::~DeviceAgent() { client_.reset(); }

std::optional<std::string> DeviceAgent::lost() const {
  const std::lock_guard lock(mutex_);
  return lost_;
}

void DeviceAgent::OnPiece(const Piece& piece) {
  try {
    receiver_->OnPiece(piece);
  } catch (const InputError& error) {
    client_->connection().Close(error.what());
  }
}

// Nothing is asked before node_ is there: what comes then answers nothing.
void DeviceAgent::OnFrame(Frame frame) {
  const std::lock_guard lock(mutex_);
  if (node_) node_->device().OnFrame(std::move(frame));
}

void DeviceAgent::OnClosed(const std::string& why) {
  const std::string reason = fmt::format("the stream to the cloud has ended: {}", why);
  if (sender_) sender_->Stop();
  const std::lock_guard lock(mutex_);
  lost_ = reason;
  if (node_) node_->device().Stop({Outcome::kFailed, reason});
}

}  // namespace hat
