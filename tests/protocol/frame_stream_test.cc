#include "protocol/frame_stream.h"

#include <gmock/gmock.h>

#include <vector>

#include "core/random.h"
#include "tests/core/expect_error.h"

namespace hat {
namespace {

using testing::AllOf;
using testing::HasSubstr;

constexpr int kHidden = 6;
constexpr Bytes kMost(1e6);

Frame MakeFrame(FrameKind kind, int count) {
  Frame frame;
  frame.header.kind = kind;
  frame.header.session = 7;
  frame.header.count = count;
  frame.header.prompt_tokens = 100;
  frame.header.output_tokens = 50;
  if (kind == FrameKind::kVerify) frame.header.first_position = 110;
  frame.states.resize(static_cast<size_t>(count * kHidden * 2));
  for (size_t i = 0; i < frame.states.size(); ++i) frame.states[i] = std::byte(i);
  return frame;
}

Frame MakeTree() {
  Frame frame = MakeFrame(FrameKind::kVerify, 3);
  frame.header.flags = kFlagTree;
  frame.header.kept_count = 2;
  frame.kept = {0, 2};
  frame.parents = {-1, 0, 1};
  return frame;
}

std::vector<Frame> Frames() {
  return {MakeFrame(FrameKind::kPrefill, 9), MakeTree(), MakeFrame(FrameKind::kClose, 0),
          MakeFrame(FrameKind::kVerify, 1)};
}

void ExpectEqual(const Frame& a, const Frame& b) {
  EXPECT_EQ(a.header, b.header);
  EXPECT_EQ(a.kept, b.kept);
  EXPECT_EQ(a.parents, b.parents);
  EXPECT_EQ(a.states, b.states);
}

std::span<const std::byte> BytesOf(std::string_view text) { return std::as_bytes(std::span(text)); }

TEST(FrameStreamTest, AFrameHasAsManyBytesAsFrameBytesCounts) {
  for (const Frame& frame : Frames()) {
    EXPECT_EQ(Bytes(static_cast<double>(EncodeFrame(frame, kHidden).size())),
              FrameBytes(frame.header, kHidden));
  }
}

TEST(FrameStreamTest, FramesComeBackFromAStreamThatIsCutAnywhere) {
  std::string stream;
  for (const Frame& frame : Frames()) stream += EncodeFrame(frame, kHidden);
  RngStream draw(1, "cuts");
  for (int round = 0; round < 200; ++round) {
    FrameReader reader(kHidden, kMost);
    std::vector<Frame> found;
    for (std::string_view rest = stream; !rest.empty();) {
      const size_t piece = std::min<size_t>(rest.size(), 1 + draw.NextBits() % 130);
      reader.Read(BytesOf(rest.substr(0, piece)), [&](Frame frame) { found.push_back(frame); });
      rest.remove_prefix(piece);
    }
    EXPECT_FALSE(reader.is_within_frame());
    ASSERT_EQ(found.size(), Frames().size());
    for (size_t i = 0; i < found.size(); ++i) ExpectEqual(found[i], Frames()[i]);
  }
}

void ReadAll(const std::string& bytes, Bytes most = kMost) {
  FrameReader(kHidden, most).Read(BytesOf(bytes), [](const Frame&) {});
}

TEST(FrameStreamTest, ATooLargeFrameIsRefusedByItsHeader) {
  const std::string bytes = EncodeFrame(MakeFrame(FrameKind::kPrefill, 9), kHidden);
  ReadAll(bytes, Bytes(64 + 9 * 12));
  EXPECT_INPUT_ERROR(ReadAll(bytes.substr(0, kFrameHeaderBytes), Bytes(64 + 9 * 12 - 1)),
                     AllOf(HasSubstr("172 bytes"), HasSubstr("at most 171")));
}

TEST(FrameStreamTest, WhatHoldsTokensDoesNotTravel) {
  Frame frame = MakeFrame(FrameKind::kRawPrompt, 0);
  frame.header.count = frame.header.prompt_tokens = 3;
  frame.states.resize(12);
  EXPECT_INPUT_ERROR(ReadAll(EncodeFrame(frame, kHidden)), HasSubstr("raw prompt"));
}

TEST(FrameStreamTest, BytesThatAreNoFrameAreRefused) {
  EXPECT_INPUT_ERROR(ReadAll(std::string(kFrameHeaderBytes, '\xff')), HasSubstr("frame header"));
}

}  // namespace
}  // namespace hat
