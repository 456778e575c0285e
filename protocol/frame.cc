#include "protocol/frame.h"

#include <fmt/format.h>

#include <bit>
#include <cmath>
#include <cstring>

#include "core/error.h"

namespace hat {
namespace {

static_assert(std::endian::native == std::endian::little, "the wire is little-endian");

// Fields one after the other; the rest of the 64 bytes is zero.
template <class Header, class Visit>
void VisitFields(Header& header, Visit visit) {
  visit(header.session);
  visit(header.kind);
  visit(header.dtype);
  visit(header.flags);
  visit(header.first_position);
  visit(header.count);
  visit(header.kept_count);
  visit(header.prompt_tokens);
  visit(header.output_tokens);
  visit(header.uplink_bytes_per_s);
  visit(header.prefill_wait_s);
  visit(header.cloud_fixed_s);
  visit(header.cloud_s_per_token);
}

void Require(bool holds, const char* field, double value, const char* allowed) {
  if (!holds) {
    throw InputError(fmt::format("frame header: {} must be {}, got {}", field, allowed, value));
  }
}

void CheckHeader(const FrameHeader& h) {
  const int kind = static_cast<int>(h.kind);
  const int dtype = static_cast<int>(h.dtype);
  Require(kind >= 1 && kind <= 6, "kind", kind, "1 to 6");
  Require(dtype >= 1 && dtype <= 3, "dtype", dtype, "1, 2 or 3");
  Require((h.flags & ~(kFlagTree | kFlagBackToBack | kFlagAllPositions)) == 0, "flags", h.flags,
          "a sum of 1, 2 and 4");
  Require(h.first_position >= 0, "first position", h.first_position, ">= 0");
  Require(h.count >= 0, "count", h.count, ">= 0");
  Require((h.count == 0) == (h.kind == FrameKind::kClose), "count", h.count,
          "0 in a close frame, > 0 in any other");
  Require(h.kept_count >= 0, "kept count", h.kept_count, ">= 0");
  Require(h.kept_count == 0 || (h.flags & kFlagTree), "kept count", h.kept_count,
          "0 without the tree flag");
  Require(h.prompt_tokens >= 1, "prompt tokens", h.prompt_tokens, ">= 1");
  Require(h.output_tokens >= 1, "output tokens", h.output_tokens, ">= 1");
  for (const float value :
       {h.uplink_bytes_per_s, h.prefill_wait_s, h.cloud_fixed_s, h.cloud_s_per_token}) {
    Require(std::isfinite(value) && value >= 0, "monitor field", value, "finite and >= 0");
  }
}

}  // namespace

int BytesPerValue(WireDtype dtype) { return dtype == WireDtype::kFloat32 ? 4 : 2; }

Bytes FrameBytes(const FrameHeader& header, int hidden) {
  const double count = header.count;
  double bytes = kFrameHeaderBytes + 4.0 * header.kept_count;
  if (header.flags & kFlagTree) bytes += 4 * count;
  const bool is_raw = header.kind == FrameKind::kRawPrompt || header.kind == FrameKind::kRawToken;
  bytes += count * (is_raw ? 4.0 : static_cast<double>(hidden) * BytesPerValue(header.dtype));
  return Bytes(bytes);
}

std::array<std::byte, kFrameHeaderBytes> EncodeHeader(const FrameHeader& header) {
  std::array<std::byte, kFrameHeaderBytes> bytes{};
  size_t at = 0;
  VisitFields(header, [&](const auto& field) {
    std::memcpy(bytes.data() + at, &field, sizeof field);
    at += sizeof field;
  });
  return bytes;
}

FrameHeader DecodeHeader(std::span<const std::byte, kFrameHeaderBytes> bytes) {
  FrameHeader header;
  size_t at = 0;
  VisitFields(header, [&](auto& field) {
    std::memcpy(&field, bytes.data() + at, sizeof field);
    at += sizeof field;
  });
  CheckHeader(header);
  return header;
}

}  // namespace hat
