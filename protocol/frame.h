// What travels between a device and the cloud. The same size, to the byte, in every world. No field
// can hold a token or text, but for the simulator-only systems that return tokens (cloud-only,
// cloud-sd), whose kinds kRawPrompt and kRawToken stand for them.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/dtype.h"
#include "core/units.h"

namespace hat {

// A session's number, chosen by its device and unique there; opaque to the cloud. In one process it
// is the request's number.
using SessionId = uint64_t;

enum class FrameKind : uint8_t {
  kPrefill = 1,    // up: shallow states of prompt positions
  kVerify = 2,     // up: shallow states of a round; down: their deep states
  kClose = 3,      // up: the request has ended, the cloud frees its cache
  kFirst = 4,      // down: the deep state of the last prompt position (or of all of a part, with
                   // return_all_positions)
  kRawPrompt = 5,  // up, to clouds that return tokens: 4 bytes per prompt token
  kRawToken = 6,   // down, from them: 4 bytes per token; `first_position` is the position before
                   // the first one's
  kAbort = 7,      // down: the cloud has ended the session; `first_position` is an AbortReason
};

std::string_view Name(FrameKind kind);  // "prefill", "verify", ..., "raw token", "abort"

// Why the cloud ended a session.
enum class AbortReason : int32_t {
  kRefused = 1,  // a frame that the protocol does not allow at that moment
  kNoRoom = 2,   // it needs more than the cloud has, or its device has too many sessions open
  kFailed = 3,   // a stage could not compute its batch
  kIdle = 4,     // nothing came from it for too long
};
std::string_view Name(AbortReason reason);  // "a frame was refused", "no room", ...

// What states may travel in; the enum's values are the codes on the wire.
inline constexpr std::initializer_list<Dtype> kWireDtypes = {Dtype::kFloat32, Dtype::kFloat16,
                                                             Dtype::kBfloat16};
// The one that carries a computation's values best: its own type; fp32 for fp64.
constexpr Dtype WireDtypeFor(Dtype compute) {
  return compute == Dtype::kFloat64 ? Dtype::kFloat32 : compute;
}

// The frame carries a tree: each node's parent follows the header.
inline constexpr uint16_t kFlagTree = 1;
// The frame entered its link the moment the one before had left it.
inline constexpr uint16_t kFlagBackToBack = 2;
// A kFirst frame with the states of every position of a part.
inline constexpr uint16_t kFlagAllPositions = 4;

inline constexpr int kFrameHeaderBytes = 64;

// The 64-byte header, little-endian on the wire (layout: docs/formats.md). Monitor fields are 0
// where nothing was measured yet.
struct FrameHeader {
  SessionId session = 0;
  FrameKind kind = FrameKind::kPrefill;
  Dtype dtype = Dtype::kFloat16;
  uint16_t flags = 0;
  int32_t first_position = 0;
  int32_t count = 0;       // of states, a tree's root included; of tokens in raw kinds
  int32_t kept_count = 0;  // of indices into the previous frame
  int32_t prompt_tokens = 0;
  int32_t output_tokens = 0;
  // Monitor, down only.
  float uplink_bytes_per_s = 0;  // of this device, from the stamps of back-to-back frames
  float prefill_wait_s = 0;      // arrival to entry into stage 0
  float cloud_fixed_s = 0;       // a of g = a + b tokens: stage 0 entered to last stage left
  float cloud_s_per_token = 0;   // b

  bool operator==(const FrameHeader&) const = default;
};

// Hidden states of consecutive (or tree) positions, opaque to protocol code. A simulator carries
// none: `values` is empty there, the frame's size counts them all the same.
using States = std::vector<std::byte>;  // [count, hidden] of the header's dtype

struct Frame {
  FrameHeader header;
  std::vector<int32_t> kept;     // node numbers in the previous frame, root 0, in path order
  std::vector<int32_t> parents;  // with kFlagTree, a node: its parent's number, root -1
  States states;
};

// Size on the wire, header included, transport overhead not: 64 + 4 kept + 4 parents + count *
// hidden * bytes per value (raw kinds: 64 + 4 count). Close frames are 64.
Bytes FrameBytes(const FrameHeader& header, int hidden);

std::array<std::byte, kFrameHeaderBytes> EncodeHeader(const FrameHeader& header);

// What is wrong with a header, if anything is: an unknown kind, dtype or flag, a session of 2^31 or
// more, a negative or contradictory count or position, a monitor field that is not finite and >= 0.
std::optional<std::string> HeaderProblem(const FrameHeader& header);

// Throws InputError: a header's problem, or a byte that is not 0 after the last field.
FrameHeader DecodeHeader(std::span<const std::byte, kFrameHeaderBytes> bytes);

}  // namespace hat
