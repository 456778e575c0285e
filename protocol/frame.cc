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

using Problem = std::optional<std::string>;

Problem Wrong(const char* field, double value, const char* allowed) {
  return fmt::format("frame header: {} must be {}, got {}", field, allowed, value);
}

Problem FieldProblem(const FrameHeader& h) {
  const int kind = static_cast<int>(h.kind);
  const int dtype = static_cast<int>(h.dtype);
  if (h.session > INT32_MAX) {
    return Wrong("session", static_cast<double>(h.session), "below 2^31");
  }
  if (kind < 1 || kind > 7) return Wrong("kind", kind, "1 to 7");
  if (dtype < 1 || dtype > 3) return Wrong("dtype", dtype, "1, 2 or 3");
  if ((h.flags & ~(kFlagTree | kFlagBackToBack | kFlagAllPositions)) != 0) {
    return Wrong("flags", h.flags, "a sum of 1, 2 and 4");
  }
  if (h.first_position < 0) return Wrong("first position", h.first_position, ">= 0");
  if (h.count < 0) return Wrong("count", h.count, ">= 0");
  if (h.kept_count < 0) return Wrong("kept count", h.kept_count, ">= 0");
  if (h.prompt_tokens < 1) return Wrong("prompt tokens", h.prompt_tokens, ">= 1");
  if (h.output_tokens < 1) return Wrong("output tokens", h.output_tokens, ">= 1");
  for (const float value :
       {h.uplink_bytes_per_s, h.prefill_wait_s, h.cloud_fixed_s, h.cloud_s_per_token}) {
    if (!std::isfinite(value) || value < 0) {
      return Wrong("monitor field", value, "finite and >= 0");
    }
  }
  return std::nullopt;
}

Problem VerifyProblem(const FrameHeader& h) {
  const int64_t last = int64_t{h.prompt_tokens} + h.output_tokens - 1;  // of the last token
  if (h.first_position < h.prompt_tokens) {
    return Wrong("first position", h.first_position, "after the prompt");
  }
  if (h.first_position >= last) {
    return Wrong("first position", h.first_position, "in front of the last token");
  }
  return std::nullopt;
}

Problem RawTokenProblem(const FrameHeader& h) {
  const int64_t end = int64_t{h.first_position} + h.count;
  const int64_t last = int64_t{h.prompt_tokens} + h.output_tokens - 1;  // of the last token
  if (h.first_position < h.prompt_tokens - 1) {
    return Wrong("first position", h.first_position, "the prompt's last or after it");
  }
  if (end > last) return Wrong("count", h.count, "within the output");
  return std::nullopt;
}

// What the fields, each within its range, must hold together.
Problem CombinationProblem(const FrameHeader& h) {
  const int64_t end = int64_t{h.first_position} + h.count;
  const bool is_tree = h.flags & kFlagTree;
  const bool is_verify = h.kind == FrameKind::kVerify;
  const bool is_empty = h.kind == FrameKind::kClose || h.kind == FrameKind::kAbort;
  const bool is_prompt = h.kind == FrameKind::kPrefill || h.kind == FrameKind::kFirst ||
                         h.kind == FrameKind::kRawPrompt;
  if ((h.count == 0) != is_empty) {
    return Wrong("count", h.count, "0 in a close or abort frame, > 0 in any other");
  }
  if (is_tree && !is_verify) {
    return Wrong("flags", h.flags, "without the tree flag outside a verification");
  }
  if ((h.flags & kFlagAllPositions) && h.kind != FrameKind::kFirst) {
    return Wrong("flags", h.flags, "without the flag 4 in a frame of this kind");
  }
  if (h.kept_count > (is_tree ? h.output_tokens : 0)) {
    return Wrong("kept count", h.kept_count,
                 "0 without the tree flag, at most the output tokens with it");
  }
  if (is_prompt && end > h.prompt_tokens) return Wrong("count", h.count, "within the prompt");
  if (is_verify) return VerifyProblem(h);
  if (h.kind == FrameKind::kRawPrompt && h.count != h.prompt_tokens) {
    return Wrong("count", h.count, "the whole prompt");
  }
  if (h.kind == FrameKind::kRawToken) return RawTokenProblem(h);
  if (h.kind == FrameKind::kAbort && (h.first_position < 1 || h.first_position > 4)) {
    return Wrong("reason", h.first_position, "1 to 4");
  }
  return std::nullopt;
}

}  // namespace

std::string_view Name(FrameKind kind) {
  switch (kind) {
    case FrameKind::kPrefill:
      return "prefill";
    case FrameKind::kVerify:
      return "verify";
    case FrameKind::kClose:
      return "close";
    case FrameKind::kFirst:
      return "first";
    case FrameKind::kRawPrompt:
      return "raw prompt";
    case FrameKind::kRawToken:
      return "raw token";
    case FrameKind::kAbort:
      return "abort";
  }
  return "unknown";
}

std::string_view Name(AbortReason reason) {
  switch (reason) {
    case AbortReason::kRefused:
      return "a frame was refused";
    case AbortReason::kNoRoom:
      return "no room";
    case AbortReason::kFailed:
      return "a stage failed";
    case AbortReason::kIdle:
      return "nothing came for too long";
  }
  return "unknown";
}

std::optional<std::string> HeaderProblem(const FrameHeader& header) {
  if (Problem problem = FieldProblem(header)) return problem;
  return CombinationProblem(header);
}

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
  if (!std::all_of(bytes.begin() + static_cast<std::ptrdiff_t>(at), bytes.end(), is_zero)) {
    throw InputError(*Wrong("byte after the last field", 1, "0"));
  }
  if (const Problem problem = HeaderProblem(header)) throw InputError(*problem);
  return header;
}

}  // namespace hat
