#include "protocol/frame_stream.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "core/error.h"

namespace hat {
namespace {

template <class T>
std::string_view TextOf(const std::vector<T>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)};
}

size_t SizeOf(const FrameHeader& header, int hidden) {
  return static_cast<size_t>(FrameBytes(header, hidden).value());
}

}  // namespace

std::string EncodeFrame(const Frame& frame, int hidden) {
  const auto header = EncodeHeader(frame.header);
  std::string bytes;
  bytes.reserve(SizeOf(frame.header, hidden));
  bytes.append(reinterpret_cast<const char*>(header.data()), header.size());
  bytes.append(TextOf(frame.kept));
  bytes.append(TextOf(frame.parents));
  bytes.append(TextOf(frame.states));
  HAT_CHECK(bytes.size() == SizeOf(frame.header, hidden));
  return bytes;
}

FrameReader::FrameReader(int hidden, Bytes most) : hidden_(hidden), most_(most) {}

void FrameReader::Begin() {
  const FrameHeader header = DecodeHeader(header_);
  if (header.kind == FrameKind::kRawPrompt || header.kind == FrameKind::kRawToken) {
    throw InputError(fmt::format("frame header: a {} frame holds tokens, which do not travel",
                                 Name(header.kind)));
  }
  const Bytes size = FrameBytes(header, hidden_);
  if (size > most_) {
    throw InputError(fmt::format("frame header: a frame of {:.0f} bytes; at most {:.0f} are taken",
                                 size.value(), most_.value()));
  }
  size_ = SizeOf(header, hidden_);
  frame_.header = header;
  frame_.kept.resize(static_cast<size_t>(header.kept_count));
  if (header.flags & kFlagTree) frame_.parents.resize(static_cast<size_t>(header.count));
  frame_.states.resize(size_ - kFrameHeaderBytes - TextOf(frame_.kept).size() -
                       TextOf(frame_.parents).size());
}

std::span<std::byte> FrameReader::Rest() {
  size_t at = filled_;
  const auto after = [&at](std::span<std::byte> part) {
    const size_t skipped = std::min(at, part.size());
    at -= skipped;
    return part.subspan(skipped);
  };
  std::span<std::byte> rest = after(header_);
  if (rest.empty()) rest = after(std::as_writable_bytes(std::span(frame_.kept)));
  if (rest.empty()) rest = after(std::as_writable_bytes(std::span(frame_.parents)));
  if (rest.empty()) rest = after(std::span(frame_.states));
  return rest;
}

void FrameReader::Read(std::span<const std::byte> bytes,
                       const std::function<void(Frame)>& on_frame) {
  while (!bytes.empty()) {
    const std::span<std::byte> rest = Rest();
    const size_t taken = std::min(rest.size(), bytes.size());
    std::memcpy(rest.data(), bytes.data(), taken);
    bytes = bytes.subspan(taken);
    filled_ += taken;
    if (filled_ == kFrameHeaderBytes) Begin();
    if (filled_ < kFrameHeaderBytes || filled_ < size_) continue;
    filled_ = 0;
    on_frame(std::exchange(frame_, {}));
  }
}

}  // namespace hat
