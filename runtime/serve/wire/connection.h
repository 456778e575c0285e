// A stream between a device and a cloud, as either end sees it: pieces of frames, in order. Free of
// gRPC. A piece waits until the other end has credit for it: so a piece that the stream has taken
// is at most kCreditBytes from the other end's hands, and memory is bounded on both.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "core/dtype.h"
#include "core/units.h"

namespace hat {

inline constexpr uint32_t kProtocolVersion = 1;
// gRPC 1.51 sends a message in one go: nothing else gets between.
inline constexpr size_t kPieceBytes = 32 << 10;
// Not answered for yet. A stream carries at most this per round trip: 256 KiB in 80 ms are 26
// Mbit/s.
inline constexpr size_t kCreditBytes = 256 << 10;
// Why a stream ends whose device has come by another one: by another program with its keys, or
// after the link was cut.
inline constexpr const char* kReplaced = "the device has opened another stream";

// What both ends must agree on before a frame travels.
struct Handshake {
  std::string model_sha256;  // of the checkpoint's tensors, 64 hex digits
  int split = 0;             // the first layer of the cloud
  Dtype dtype = Dtype::kFloat16;
  int hidden = 0;             // values per state on the wire
  std::string system_sha256;  // of the system's name and options, 64 hex digits

  bool operator==(const Handshake&) const = default;
};

// What the cloud and the device disagree about, with both values; none: nothing.
std::optional<std::string> Disagreement(const Handshake& cloud, const Handshake& device);

// What the cloud answers.
struct Welcome {
  int device = 0;  // the number by which the cloud knows it
  int stages = 1;  // of the cloud's pipeline
};

// Of a frame, on its sender's clock.
struct FrameStamps {
  Seconds sent, start, left;  // as in FrameEvent; left 0: not known beforehand
  Seconds arrives;            // when it should, on a shaped link; else 0
};

struct Piece {
  std::string bytes;                       // at most kPieceBytes
  std::optional<FrameStamps> stamps = {};  // with the first one of a frame
};

// One end. Calls come from any thread and do not block; after the end of the stream they do
// nothing.
class Connection {
 public:
  virtual ~Connection() = default;

  // `on_taken`: the stream has it, and other pieces may follow. It may not block; it is not called
  // if the stream ends before.
  virtual void Send(Piece piece, std::function<void()> on_taken = {}) = 0;

  // Ends the stream; the other end is told why.
  virtual void Close(const std::string& why) = 0;
};

// What an end is told: pieces in order, one call at a time; then, once, that the stream has ended.
// It may not block.
struct ConnectionEvents {
  std::function<void(Piece)> on_piece;
  std::function<void(const std::string& why)> on_closed;
};

// PEM texts, for either end.
struct TlsTexts {
  std::string ca;           // of the other end's certificate
  std::string certificate;  // of one's own
  std::string key;
};

}  // namespace hat
