#include "protocol/frame.h"

#include <fmt/format.h>

#include <algorithm>
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

void CheckFields(const FrameHeader& h) {
  const int kind = static_cast<int>(h.kind);
  const int dtype = static_cast<int>(h.dtype);
  Require(h.session <= INT32_MAX, "session", static_cast<double>(h.session), "below 2^31");
  Require(kind >= 1 && kind <= 6, "kind", kind, "1 to 6");
  Require(dtype >= 1 && dtype <= 3, "dtype", dtype, "1, 2 or 3");
  Require((h.flags & ~(kFlagTree | kFlagBackToBack | kFlagAllPositions)) == 0, "flags", h.flags,
          "a sum of 1, 2 and 4");
  Require(h.first_position >= 0, "first position", h.first_position, ">= 0");
  Require(h.count >= 0, "count", h.count, ">= 0");
  Require(h.kept_count >= 0, "kept count", h.kept_count, ">= 0");
  Require(h.prompt_tokens >= 1, "prompt tokens", h.prompt_tokens, ">= 1");
  Require(h.output_tokens >= 1, "output tokens", h.output_tokens, ">= 1");
  for (const float value :
       {h.uplink_bytes_per_s, h.prefill_wait_s, h.cloud_fixed_s, h.cloud_s_per_token}) {
    Require(std::isfinite(value) && value >= 0, "monitor field", value, "finite and >= 0");
  }
}

// What the fields, each within its range, must hold together.
void CheckTogether(const FrameHeader& h) {
  const int64_t end = int64_t{h.first_position} + h.count;
  const int64_t last = int64_t{h.prompt_tokens} + h.output_tokens - 1;  // of the last token
  const bool is_tree = h.flags & kFlagTree;
  const bool is_verify = h.kind == FrameKind::kVerify;
  const bool is_prompt = h.kind == FrameKind::kPrefill || h.kind == FrameKind::kFirst ||
                         h.kind == FrameKind::kRawPrompt;
  Require((h.count == 0) == (h.kind == FrameKind::kClose), "count", h.count,
          "0 in a close frame, > 0 in any other");
  Require(is_verify || !is_tree, "flags", h.flags, "without the tree flag outside a verification");
  Require(h.kind == FrameKind::kFirst || !(h.flags & kFlagAllPositions), "flags", h.flags,
          "without the flag 4 in a frame of this kind");
  Require(h.kept_count == 0 || (is_tree && h.kept_count <= h.output_tokens), "kept count",
          h.kept_count, "0 without the tree flag, at most the output tokens with it");
  Require(!is_prompt || end <= h.prompt_tokens, "count", h.count, "within the prompt");
  Require(!is_verify || h.first_position >= h.prompt_tokens, "first position", h.first_position,
          "behind the prompt");
  Require(!is_verify || h.first_position < last, "first position", h.first_position,
          "in front of the last token");
  Require(h.kind != FrameKind::kRawPrompt || h.count == h.prompt_tokens, "count", h.count,
          "the whole prompt");
  Require(h.kind != FrameKind::kRawToken || h.count == 1, "count", h.count, "1");
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
  const auto is_zero = [](std::byte b) { return b == std::byte{0}; };
  Require(std::all_of(bytes.begin() + static_cast<std::ptrdiff_t>(at), bytes.end(), is_zero),
          "byte behind the last field", 1, "0");
  CheckFields(header);
  CheckTogether(header);
  return header;
}

}  // namespace hat
