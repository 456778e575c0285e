#include "runtime/serve/cloud_service.h"

#include <fmt/format.h>

#include <utility>

#include "core/error.h"

namespace hat {

Bytes LargestFrame(const Agreement& agreement, int max_positions) {
  FrameHeader header;
  header.kind = FrameKind::kVerify;
  header.flags = kFlagTree;
  header.dtype = agreement.dtype;
  header.count = max_positions;
  header.kept_count = max_positions;
  return FrameBytes(header, agreement.hidden);
}

void CloudService::LiveDownlinks::Send(int device, Frame frame) {
  std::shared_ptr<LinkSender> sender;
  {
    const std::lock_guard lock(mutex_);
    const auto found = senders_.find(device);
    if (found != senders_.end()) sender = found->second;
  }
  if (sender) sender->Send(std::move(frame));  // else nobody is there to take it
}

void CloudService::LiveDownlinks::Set(int device, std::shared_ptr<LinkSender> sender) {
  const std::lock_guard lock(mutex_);
  if (sender) {
    senders_[device] = std::move(sender);
  } else {
    senders_.erase(device);
  }
}

void CloudService::Refusals::OnRefused(int device, const FrameHeader& header, std::string_view why,
                                       Seconds at) {
  {
    const std::lock_guard lock(mutex_);
    ++counts_[device];
  }
  cloud_.Log(fmt::format("device {}: refused a {} frame of session {}: {}", device,
                         Name(header.kind), header.session, why));
  ObserverList::OnRefused(device, header, why, at);
}

void CloudService::Refusals::Forget(int device) {
  const std::lock_guard lock(mutex_);
  counts_.erase(device);
}

int CloudService::Refusals::CountOf(int device) const {
  const std::lock_guard lock(mutex_);
  const auto found = counts_.find(device);
  return found == counts_.end() ? 0 : found->second;
}

CloudService::CloudService(Setup setup)
    : setup_(std::move(setup)),
      handshakes_([this](const std::string& why) { Log(fmt::format("refused a peer: {}", why)); }) {
  server_ = MakeCloud({.world = setup_.world,
                       .agreement = setup_.agreement,
                       .config = setup_.config,
                       .replicas = setup_.replicas,
                       .downlinks = downlinks_,
                       .observer = refusals_,
                       .max_positions = setup_.limits.max_positions,
                       .max_sessions = setup_.limits.max_sessions,
                       .on_fault = [this](std::exception_ptr cause) {
                         try {
                           std::rethrow_exception(std::move(cause));
                         } catch (const std::exception& error) {
                           Log(fmt::format("a batch failed: {}", error.what()));
                         }
                       }});
  WireServer::Setup wire = setup_.wire;
  wire.find_device = setup_.find_device;
  wire.on_open = [this](int device, std::shared_ptr<Connection> connection) {
    return OnOpen(device, std::move(connection));
  };
  wire.on_refused = [this](const std::string& peer, const std::string& why) {
    Log(fmt::format("refused {}: {}", peer, why));
  };
  wire_ = std::make_unique<WireServer>(std::move(wire));
  // Not before: where nothing can listen, no stage may wait on a server that is gone. What has come
  // meanwhile lies in the queue.
  server_->Start();
}

CloudService::~CloudService() { Stop(); }

void CloudService::Stop(Seconds grace) {
  if (!wire_) return;
  const Seconds end = setup_.world.Now() + grace;
  while (server_->load().sessions > 0 && setup_.world.Now() < end) {
    setup_.world.SleepUntil(std::min(end, setup_.world.Now() + Milliseconds(20)));
  }
  server_->Stop();
  std::unique_ptr<WireServer> ended;
  {
    const std::lock_guard lock(wire_mutex_);
    ended.swap(wire_);
  }
}

std::vector<WireServer::Peer> CloudService::devices() const {
  const std::lock_guard lock(wire_mutex_);
  return wire_ ? wire_->peers() : std::vector<WireServer::Peer>();
}

void CloudService::Log(const std::string& line) const {
  if (setup_.log) setup_.log(line);
}

// A frame that cannot be read ends the stream: what follows it has no beginning.
ConnectionEvents CloudService::OnOpen(int device, std::shared_ptr<Connection> connection) {
  auto sender = std::make_shared<LinkSender>(setup_.world, setup_.downlink(device), connection);
  downlinks_.Set(device, sender);
  auto receiver = std::make_shared<LinkReceiver>(LinkReceiver::Setup{
      .world = setup_.world,
      .observer = setup_.observer,
      .direction = Direction::kUp,
      .device = device,
      .hidden = setup_.agreement.hidden,
      .most = LargestFrame(setup_.agreement, setup_.limits.max_positions),
      .lateness = setup_.lateness,
      .on_frame = [this, device](Frame frame) { server_->OnFrame(device, std::move(frame)); }});
  Log(fmt::format("device {} is there", device));
  return {.on_piece =
              [this, device, receiver, connection, is_broken = false](const Piece& piece) mutable {
                if (is_broken) return;
                try {
                  receiver->OnPiece(piece);
                  if (refusals_.CountOf(device) >= kMostRefused) {
                    throw InputError(fmt::format("{} of its frames were refused", kMostRefused));
                  }
                } catch (const InputError& error) {
                  is_broken = true;
                  connection->Close(error.what());  // on_closed says why
                }
              },
          .on_closed =
              [this, device, sender, receiver](const std::string& why) {
                Log(fmt::format("device {} has gone: {}", device, why));
                receiver->Stop();
                downlinks_.Set(device, nullptr);
                refusals_.Forget(device);
                sender->Stop();
                server_->Drop(device);
              }};
}

}  // namespace hat
