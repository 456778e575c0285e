#include "protocol/frame.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "core/error.h"
#include "core/random.h"

namespace hat {
namespace {

FrameHeader Header(FrameKind kind, int count, Dtype dtype = Dtype::kFloat16) {
  FrameHeader header;
  header.kind = kind;
  header.dtype = dtype;
  header.count = count;
  header.prompt_tokens = 1000;
  header.output_tokens = 128;
  if (kind == FrameKind::kVerify) header.first_position = 1000;
  if (kind == FrameKind::kAbort) header.first_position = 1;  // a reason
  if (kind == FrameKind::kRawToken) header.first_position = 999;
  if (kind == FrameKind::kRawPrompt) header.count = header.prompt_tokens = count;
  return header;
}

TEST(FrameTest, StatesTakeHiddenTimesBytesAValueBehindTheHeader) {
  constexpr int kHidden = 4096;
  EXPECT_EQ(FrameBytes(Header(FrameKind::kPrefill, 10), kHidden), Bytes(64 + 10 * 8192));
  EXPECT_EQ(FrameBytes(Header(FrameKind::kFirst, 1), kHidden), Bytes(64 + 8192));
  EXPECT_EQ(FrameBytes(Header(FrameKind::kVerify, 3, Dtype::kBfloat16), kHidden),
            Bytes(64 + 3 * 8192));
  EXPECT_EQ(FrameBytes(Header(FrameKind::kVerify, 3, Dtype::kFloat32), kHidden),
            Bytes(64 + 3 * 16384));
}

TEST(FrameTest, ACloseFrameIsItsHeader) {
  EXPECT_EQ(FrameBytes(Header(FrameKind::kClose, 0), 4096), Bytes(64));
}

TEST(FrameTest, RawFramesTakeFourBytesAToken) {
  EXPECT_EQ(FrameBytes(Header(FrameKind::kRawPrompt, 351), 4096), Bytes(64 + 4 * 351));
  EXPECT_EQ(FrameBytes(Header(FrameKind::kRawToken, 1), 4096), Bytes(68));
}

TEST(FrameTest, ATreeAddsAParentANodeAndTheKeptIndices) {
  FrameHeader header = Header(FrameKind::kVerify, 5);
  header.flags = kFlagTree;
  header.kept_count = 3;
  EXPECT_EQ(FrameBytes(header, 4096), Bytes(64 + 4 * 3 + 5 * 4 + 5 * 8192));
}

FrameHeader RandomHeader(RngStream& draw) {
  FrameHeader header;
  header.session = draw.NextBits() % (uint64_t{1} << 31);
  header.kind = static_cast<FrameKind>(1 + draw.UniformInt(6));
  header.dtype = static_cast<Dtype>(1 + draw.UniformInt(3));
  header.prompt_tokens = 1 + draw.UniformInt(100'000);
  header.output_tokens = 2 + draw.UniformInt(100'000);
  header.count = 1 + draw.UniformInt(header.prompt_tokens);
  header.first_position = draw.UniformInt(header.prompt_tokens - header.count + 1);
  if (draw.UniformInt(2)) header.flags |= kFlagBackToBack;
  if (header.kind == FrameKind::kVerify) {
    header.first_position = header.prompt_tokens + draw.UniformInt(header.output_tokens - 1);
    header.kept_count = draw.UniformInt(header.output_tokens);
    header.flags |= kFlagTree;
  }
  if (header.kind == FrameKind::kFirst && draw.UniformInt(2)) header.flags |= kFlagAllPositions;
  if (header.kind == FrameKind::kClose) header.count = 0;
  if (header.kind == FrameKind::kRawToken) {
    header.count = 1 + draw.UniformInt(header.output_tokens);
    header.first_position =
        header.prompt_tokens - 1 + draw.UniformInt(header.output_tokens - header.count + 1);
  }
  if (header.kind == FrameKind::kRawPrompt) header.count = header.prompt_tokens;
  if (header.kind == FrameKind::kRawPrompt) header.first_position = 0;
  header.uplink_bytes_per_s = static_cast<float>(draw.Exponential(1e7));
  header.prefill_wait_s = static_cast<float>(draw.Exponential(0.1));
  header.cloud_fixed_s = static_cast<float>(draw.Exponential(0.01));
  header.cloud_s_per_token = static_cast<float>(draw.Exponential(1e-4));
  return header;
}

TEST(FrameTest, EveryHeaderComesBackAsItWentOut) {
  RngStream draw(7, "headers");
  for (int i = 0; i < 20'000; ++i) {
    const FrameHeader header = RandomHeader(draw);
    ASSERT_EQ(DecodeHeader(EncodeHeader(header)), header) << "header " << i;
  }
}

TEST(FrameTest, TheLayoutIsLittleEndianAndPacked) {
  FrameHeader header = Header(FrameKind::kVerify, 2);
  header.session = 0x01020304;
  header.flags = kFlagTree;
  header.kept_count = 9;
  const auto bytes = EncodeHeader(header);
  const auto at = [&](size_t i) { return static_cast<int>(bytes[i]); };
  EXPECT_EQ(at(0), 4);
  EXPECT_EQ(at(3), 1);
  EXPECT_EQ(at(8), 2);            // kind
  EXPECT_EQ(at(9), 2);            // dtype
  EXPECT_EQ(at(10), 1);           // flags
  EXPECT_EQ(at(12), 1000 & 255);  // first position
  EXPECT_EQ(at(16), 2);           // count
  EXPECT_EQ(at(20), 9);           // kept count
  EXPECT_EQ(at(24), 1000 & 255);  // prompt tokens
  EXPECT_EQ(at(28), 128);         // output tokens
  for (size_t i = 48; i < 64; ++i) EXPECT_EQ(at(i), 0);
}

struct Hostile {
  std::string what;
  FrameKind kind;
  std::function<void(FrameHeader&)> change;
};

const std::vector<Hostile>& HostileHeaders() {
  using Kind = FrameKind;
  using H = FrameHeader;
  static const std::vector<Hostile> kHeaders = {
      {"session", Kind::kVerify, [](H& h) { h.session = uint64_t{1} << 31; }},
      {"kind", Kind::kVerify, [](H& h) { h.kind = static_cast<Kind>(0); }},
      {"kind", Kind::kVerify, [](H& h) { h.kind = static_cast<Kind>(8); }},
      {"dtype", Kind::kVerify, [](H& h) { h.dtype = static_cast<Dtype>(0); }},
      {"dtype", Kind::kVerify, [](H& h) { h.dtype = static_cast<Dtype>(4); }},
      {"flags", Kind::kVerify, [](H& h) { h.flags = 8; }},
      {"flags", Kind::kPrefill, [](H& h) { h.flags = kFlagTree; }},
      {"flags", Kind::kPrefill, [](H& h) { h.flags = kFlagAllPositions; }},
      {"first position", Kind::kPrefill, [](H& h) { h.first_position = -1; }},
      {"first position", Kind::kVerify, [](H& h) { h.first_position = 999; }},
      {"first position", Kind::kVerify, [](H& h) { h.first_position = 1127; }},
      {"count", Kind::kVerify, [](H& h) { h.count = -1; }},
      {"count", Kind::kVerify, [](H& h) { h.count = 0; }},
      {"count", Kind::kClose, [](H& h) { h.count = 1; }},
      {"count", Kind::kAbort, [](H& h) { h.count = 1; }},
      {"reason", Kind::kAbort, [](H& h) { h.first_position = 0; }},
      {"count", Kind::kPrefill, [](H& h) { h.count = 1001; }},
      {"count", Kind::kPrefill, [](H& h) { h.first_position = INT32_MAX; }},
      {"count", Kind::kRawPrompt, [](H& h) { h.prompt_tokens = 3; }},
      {"count", Kind::kRawToken, [](H& h) { h.count = 129; }},
      {"first position", Kind::kRawToken, [](H& h) { h.first_position = 998; }},
      {"kept count", Kind::kVerify, [](H& h) { h.kept_count = -1; }},
      {"kept count", Kind::kVerify, [](H& h) { h.kept_count = 1; }},
      {"kept count", Kind::kVerify, [](H& h) { h.flags = kFlagTree, h.kept_count = 129; }},
      {"prompt tokens", Kind::kVerify, [](H& h) { h.prompt_tokens = 0; }},
      {"output tokens", Kind::kVerify, [](H& h) { h.output_tokens = -5; }},
      {"monitor", Kind::kFirst, [](H& h) { h.uplink_bytes_per_s = NAN; }},
      {"monitor", Kind::kFirst, [](H& h) { h.prefill_wait_s = -1; }},
      {"monitor", Kind::kFirst, [](H& h) { h.cloud_fixed_s = INFINITY; }},
      {"monitor", Kind::kFirst, [](H& h) { h.cloud_s_per_token = -INFINITY; }},
  };
  return kHeaders;
}

TEST(FrameTest, AHostileHeaderIsRefusedByTheNameOfItsField) {
  for (const Hostile& hostile : HostileHeaders()) {
    const bool is_empty = hostile.kind == FrameKind::kClose || hostile.kind == FrameKind::kAbort;
    FrameHeader header = Header(hostile.kind, is_empty ? 0 : 1);
    ASSERT_NO_THROW(DecodeHeader(EncodeHeader(header)));
    hostile.change(header);
    try {
      DecodeHeader(EncodeHeader(header));
      ADD_FAILURE() << "accepted: a bad " << hostile.what;
    } catch (const InputError& error) {
      EXPECT_NE(std::string(error.what()).find("frame header: " + hostile.what), std::string::npos)
          << error.what();
    }
  }
}

TEST(FrameTest, NothingCanHideBehindTheLastField) {
  for (size_t i = 48; i < 64; ++i) {
    auto bytes = EncodeHeader(Header(FrameKind::kPrefill, 1));
    bytes[i] = std::byte{1};
    EXPECT_THROW(DecodeHeader(bytes), InputError) << "byte " << i;
  }
}

TEST(FrameTest, RandomBytesNeverCrashTheDecoder) {
  RngStream draw(9, "bytes");
  for (int i = 0; i < 20'000; ++i) {
    auto bytes = EncodeHeader(RandomHeader(draw));
    for (int flips = 1 + draw.UniformInt(4); flips > 0; --flips) {
      bytes[static_cast<size_t>(draw.UniformInt(64))] =
          static_cast<std::byte>(draw.UniformInt(256));
    }
    try {
      const FrameHeader header = DecodeHeader(bytes);
      EXPECT_EQ(EncodeHeader(header), bytes);
    } catch (const InputError&) {
    }
  }
}

}  // namespace
}  // namespace hat
