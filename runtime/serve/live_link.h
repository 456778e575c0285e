// One direction of a device's link over a stream: its sending end and its receiving end. The stream
// is the link; or, on an emulated testbed, it carries frames so that they arrive when the
// simulator's link (FifoLink) would deliver them, and is itself much faster.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "protocol/frame_stream.h"
#include "protocol/observer.h"
#include "protocol/ports.h"
#include "runtime/serve/wire/connection.h"
#include "world/fifo_link.h"
#include "world/world.h"

namespace hat {

// How frames travel.
struct LinkSettings {
  int hidden = 0;                      // values per state on the wire
  std::optional<FifoLink> shape = {};  // that is emulated; none: the stream as it is
  // The shape's rate is the kernel's to keep: a frame is handed over whole, a latency late, and may
  // arrive before the shape says so.
  bool is_kernel_shaped = false;
  // A piece is handed to the stream so much before it should arrive: at least what the stream
  // takes. The other end holds back what comes early.
  Seconds lead = {};
  bool stamps = false;  // frames carry their times, for the other end's observer
};

class LinkSender {
 public:
  LinkSender(World& world, LinkSettings settings, std::shared_ptr<Connection> connection);

  void Send(Frame frame);  // queues it and returns
  // Blocks until fewer than two prefill frames of `session` have bytes that have not left.
  void WaitForRoom(SessionId session);
  // The stream has ended: nothing leaves any more, nobody waits for it, and it is let go.
  void Stop();

 private:
  // Outlives the sender where the stream or the world still has a call of it.
  struct Shared {
    std::shared_ptr<Connection> Open();      // null: stopped
    std::mutex mutex;                        // of what follows
    std::shared_ptr<Connection> connection;  // null: stopped
    int frames_in_stream = 0;                // not taken whole
    std::map<SessionId, int> prefills_in_stream;
    std::condition_variable left;
  };
  void SendShaped(Frame frame);
  void SendAsItGoes(Frame frame);

  World& world_;
  LinkSettings settings_;
  std::shared_ptr<Shared> shared_ = std::make_shared<Shared>();
  std::mutex mutex_;      // of the link's closed form, and of what follows
  Seconds last_arrives_;  // shaped: of the newest piece; the next one may not overtake it
  std::map<SessionId, std::vector<Seconds>> prefills_left_;  // shaped: of the newest two, in order
};

class DeviceUplink : public Uplink {
 public:
  explicit DeviceUplink(LinkSender& sender) : sender_(sender) {}
  void Send(Frame frame) override { sender_.Send(std::move(frame)); }
  void WaitForRoom(SessionId session) override { sender_.WaitForRoom(session); }

 private:
  LinkSender& sender_;
};

// How late frames of shaped links have come, in seconds of the world's clock: against the closed
// form. Thread-safe.
class Lateness {
 public:
  void Add(Seconds late);
  std::vector<double> Samples() const;  // s, in the order of adding

 private:
  mutable std::mutex mutex_;
  std::vector<double> samples_;
};

// A frame of a link that its sender shapes is told when it should arrive, or when it comes if that
// is later.
class LinkReceiver {
 public:
  struct Setup {
    World& world;
    Observer& observer;
    Direction direction = Direction::kUp;
    int device = 0;
    int hidden = 0;
    Bytes most;                    // of a frame
    Lateness* lateness = nullptr;  // of frames; where given, stamps say when they should arrive
    std::function<void(Frame)> on_frame;
  };
  explicit LinkReceiver(Setup setup);
  ~LinkReceiver() { Stop(); }

  // Throws InputError for bytes that are no frame.
  void OnPiece(const Piece& piece);
  // Frames that are held back are dropped. Not to be called in on_frame.
  void Stop();

 private:
  // Outlives the receiver where the world still has a call of it.
  struct Shared {
    explicit Shared(Setup the_setup) : setup(std::move(the_setup)) {}
    void Tell(Frame frame, const FrameStamps& stamps);
    const Setup setup;
    std::mutex mutex;  // of what follows, and of telling
    bool is_stopped = false;
  };

  std::shared_ptr<Shared> shared_;
  FrameReader reader_;
  FrameStamps stamps_;
};

}  // namespace hat
