#include "runtime/serve/live_link.h"

#include <algorithm>
#include <utility>

#include "core/error.h"

namespace hat {
namespace {

// Cut so that each piece but the last is full.
std::vector<std::string> PiecesOf(std::string bytes) {
  if (bytes.size() <= kPieceBytes) return {std::move(bytes)};
  std::vector<std::string> pieces;
  for (size_t at = 0; at < bytes.size(); at += kPieceBytes) {
    pieces.push_back(bytes.substr(at, kPieceBytes));
  }
  return pieces;
}

}  // namespace

LinkSender::LinkSender(World& world, LinkSettings settings, std::shared_ptr<Connection> connection)
    : world_(world), settings_(std::move(settings)) {
  shared_->connection = std::move(connection);
}

void LinkSender::Send(Frame frame) {
  if (settings_.shape) {
    SendShaped(std::move(frame));
  } else {
    SendAsItGoes(std::move(frame));
  }
}

void LinkSender::SendShaped(Frame frame) {
  FifoLink& link = *settings_.shape;
  const SessionId session = frame.header.session;
  const Bytes size = FrameBytes(frame.header, settings_.hidden);
  const std::lock_guard lock(mutex_);
  const Seconds now = world_.Now();
  const FifoLink::Transit transit = link.Send(now, size);
  if (transit.is_back_to_back) frame.header.flags |= kFlagBackToBack;
  if (frame.header.kind == FrameKind::kPrefill) {
    std::vector<Seconds>& left = prefills_left_[session];
    left.push_back(transit.left);
    if (left.size() > 2) left.erase(left.begin());
  } else {
    prefills_left_.erase(session);
  }
  Bytes sent(0);
  std::optional<FrameStamps> stamps;
  if (settings_.stamps) stamps = FrameStamps{now, transit.start, transit.left, transit.arrived};
  if (stamps && settings_.is_kernel_shaped) stamps->left = {};
  const Seconds delay = transit.arrived - transit.left;  // the latency, and a radio's
  for (std::string& bytes : PiecesOf(EncodeFrame(frame, settings_.hidden))) {
    sent += Bytes(static_cast<double>(bytes.size()));
    const Seconds left = settings_.is_kernel_shaped ? now : link.LeftAt(sent);
    last_arrives_ = std::max(last_arrives_, left + delay);
    auto piece = std::make_shared<Piece>(Piece{std::move(bytes), std::exchange(stamps, {})});
    world_.CallAt(last_arrives_ - settings_.lead, [shared = shared_, piece] {
      if (const auto connection = shared->Open()) connection->Send(std::move(*piece));
    });
  }
}

void LinkSender::SendAsItGoes(Frame frame) {
  const SessionId session = frame.header.session;
  const bool is_prefill = frame.header.kind == FrameKind::kPrefill;
  const std::lock_guard lock(mutex_);  // one frame's pieces stay together
  const std::shared_ptr<Connection> connection = shared_->Open();
  if (!connection) return;
  {
    const std::lock_guard counting(shared_->mutex);
    if (shared_->frames_in_stream++ > 0) frame.header.flags |= kFlagBackToBack;
    if (is_prefill) ++shared_->prefills_in_stream[session];
  }
  const auto on_left = [shared = shared_, session, is_prefill] {
    const std::lock_guard counting(shared->mutex);
    --shared->frames_in_stream;
    if (is_prefill && --shared->prefills_in_stream[session] == 0) {
      shared->prefills_in_stream.erase(session);
    }
    shared->left.notify_all();
  };
  std::optional<FrameStamps> stamps;
  if (settings_.stamps) stamps = FrameStamps{world_.Now(), world_.Now(), {}, {}};
  std::vector<std::string> pieces = PiecesOf(EncodeFrame(frame, settings_.hidden));
  for (std::string& bytes : pieces) {
    const bool is_last = &bytes == &pieces.back();
    connection->Send({std::move(bytes), std::exchange(stamps, {})},
                     is_last ? on_left : std::function<void()>());
  }
}

void LinkSender::WaitForRoom(SessionId session) {
  if (settings_.shape) {
    Seconds room;
    {
      const std::lock_guard lock(mutex_);
      const auto found = prefills_left_.find(session);
      if (found != prefills_left_.end() && found->second.size() == 2) room = found->second.front();
    }
    return world_.SleepUntil(room);
  }
  std::unique_lock lock(shared_->mutex);
  shared_->left.wait(lock, [&] {
    const auto found = shared_->prefills_in_stream.find(session);
    return !shared_->connection || found == shared_->prefills_in_stream.end() || found->second < 2;
  });
}

std::shared_ptr<Connection> LinkSender::Shared::Open() {
  const std::lock_guard lock(mutex);
  return connection;
}

void LinkSender::Stop() {
  std::shared_ptr<Connection> ended;  // goes after the lock
  const std::lock_guard lock(shared_->mutex);
  ended = std::move(shared_->connection);
  shared_->left.notify_all();
}

void Lateness::Add(Seconds late) {
  const std::lock_guard lock(mutex_);
  samples_.push_back(late.value());
}

std::vector<double> Lateness::Samples() const {
  const std::lock_guard lock(mutex_);
  return samples_;
}

LinkReceiver::LinkReceiver(Setup setup)
    : shared_(std::make_shared<Shared>(std::move(setup))),
      reader_(shared_->setup.hidden, shared_->setup.most) {}

void LinkReceiver::OnPiece(const Piece& piece) {
  World& world = shared_->setup.world;
  const Seconds now = world.Now();
  if (piece.stamps) {
    stamps_ = *piece.stamps;
  } else if (!reader_.is_within_frame()) {
    stamps_ = {now, now, now, {}};
  }
  reader_.Read(std::as_bytes(std::span(piece.bytes)), [&](Frame frame) {
    if (!shared_->setup.lateness || stamps_.left == Seconds(0) || stamps_.arrives == Seconds(0)) {
      return shared_->Tell(std::move(frame), stamps_);
    }
    // A late one too, so that they stay in order.
    auto held = std::make_shared<Frame>(std::move(frame));
    world.CallAt(std::max(now, stamps_.arrives), [shared = shared_, held, stamps = stamps_] {
      shared->Tell(std::move(*held), stamps);
    });
  });
}

void LinkReceiver::Shared::Tell(Frame frame, const FrameStamps& stamps) {
  const std::lock_guard lock(mutex);
  if (is_stopped) return;
  const Seconds now = setup.world.Now();
  if (setup.lateness && stamps.arrives > Seconds(0)) setup.lateness->Add(now - stamps.arrives);
  const FrameHeader& header = frame.header;
  const Seconds left = stamps.left == Seconds(0) ? now : std::min(stamps.left, now);
  setup.observer.OnFrame({static_cast<int>(header.session), setup.device, setup.direction, header,
                          FrameBytes(header, setup.hidden), stamps.sent, stamps.start, left, now});
  setup.on_frame(std::move(frame));
}

void LinkReceiver::Stop() {
  const std::lock_guard lock(shared_->mutex);
  shared_->is_stopped = true;
}

}  // namespace hat
