// Peers with valid keys that say what no device says, to a live cloud with a real model: each is
// refused with one line, and another device's tokens are what they are without them.
#include <gmock/gmock.h>

#include <cstring>
#include <limits>
#include <mutex>

#include "protocol/frame_stream.h"
#include "tests/runtime/testbed/served_rig.h"

namespace hat {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr int kGood = 0, kBad = 1;  // devices
constexpr int kMaxSessions = 2;
constexpr int kPromptTokens = 300, kOutputTokens = 400;

// Lines, of any thread.
class Log {
 public:
  void Add(const std::string& line) {
    const std::lock_guard lock(mutex_);
    lines_.push_back(line);
  }
  // Of those since the last call, what is said of device kBad but for its coming and going.
  std::vector<std::string> Refused() {
    const std::lock_guard lock(mutex_);
    std::vector<std::string> refused;
    for (const std::string& line : std::exchange(lines_, {})) {
      const bool is_there = line == "device 1 is there";
      const bool has_left = line == "device 1 has gone: the device has ended it";
      if (line.starts_with("device 1") && !is_there && !has_left) refused.push_back(line);
    }
    return refused;
  }

 private:
  std::mutex mutex_;
  std::vector<std::string> lines_;
};

// A device's end of a stream without a device.
class Peer {
 public:
  Peer(WireClient::Setup setup, const ServedModel& served)
      : hidden_(served.agreement().hidden), reader_(hidden_, Bytes(1e9)) {
    setup.events = {.on_piece =
                        [this](const Piece& piece) {
                          reader_.Read(std::as_bytes(std::span(piece.bytes)), [this](Frame frame) {
                            const std::lock_guard lock(mutex_);
                            frames_.push_back(frame.header);
                          });
                        },
                    .on_closed =
                        [this](const std::string& why) {
                          const std::lock_guard lock(mutex_);
                          closed_ = why;
                        }};
    client_ = std::make_unique<WireClient>(std::move(setup));
  }

  void Say(std::string bytes) { client_->connection().Send({std::move(bytes)}); }
  void Say(const Frame& frame) { Say(EncodeFrame(frame, hidden_)); }

  // The reason of the n-th Abort frame, which comes.
  AbortReason Aborted(size_t n = 0) {
    EXPECT_TRUE(ServedRig::Eventually([&] {
      const std::lock_guard lock(mutex_);
      return frames_.size() > n;
    }));
    const std::lock_guard lock(mutex_);
    if (frames_.size() <= n || frames_[n].kind != FrameKind::kAbort) return AbortReason{};
    return static_cast<AbortReason>(frames_[n].first_position);
  }
  std::string Closed() {
    EXPECT_TRUE(ServedRig::Eventually([&] {
      const std::lock_guard lock(mutex_);
      return closed_.has_value();
    }));
    const std::lock_guard lock(mutex_);
    return closed_.value_or("");
  }

  // Of a prompt of 8 tokens, the first `count` states, all `value`.
  Frame Prompt(SessionId session, float value = 0.5, int count = 4) const {
    Frame frame;
    frame.header.session = session;
    frame.header.kind = FrameKind::kPrefill;
    frame.header.dtype = Dtype::kFloat32;
    frame.header.count = count;
    frame.header.prompt_tokens = 8;
    frame.header.output_tokens = 4;
    const std::vector<float> values(static_cast<size_t>(count * hidden_), value);
    frame.states.resize(values.size() * sizeof(float));
    std::memcpy(frame.states.data(), values.data(), frame.states.size());
    return frame;
  }

 private:
  int hidden_;
  FrameReader reader_;
  std::mutex mutex_;
  std::vector<FrameHeader> frames_;
  std::optional<std::string> closed_;
  std::unique_ptr<WireClient> client_;
};

class GarbageTest : public testing::Test {
 protected:
  // What the good device says while `meanwhile` happens.
  std::vector<int32_t> Answer(const std::function<void()>& meanwhile) {
    std::vector<int32_t> prompt;
    for (int i = 0; i < kPromptTokens; ++i) prompt.push_back(1 + (i * i * 37) % 1900);
    return rig_.Answer(kGood, prompt, kOutputTokens, meanwhile);
  }

  // `garbage`: what a bad peer does, while a good device is served.
  void ExpectHarmless(const std::function<void(Peer&)>& garbage) {
    static const std::vector<int32_t> alone = Answer([] {});
    EXPECT_EQ(alone.size(), size_t{kOutputTokens});
    const std::vector<int32_t> beside = Answer([&] {
      log_.Refused();
      const DeviceKeys keys = rig_.KeysOf(kBad);
      Peer peer({.cloud = rig_.address(),
                 .tls = {keys.ca_pem, keys.certificate_pem, keys.key_pem},
                 .token = keys.token,
                 .hello = rig_.served_device.handshake()},
                rig_.served_device);
      garbage(peer);
    });
    EXPECT_EQ(beside, alone);
    EXPECT_TRUE(ServedRig::Eventually([&] { return rig_.service().load().sessions == 0; }));
    EXPECT_EQ(rig_.service().load().kv_tokens, 0);
  }

  Log log_;
  ServedRig rig_{{.devices = 2,
                  .max_sessions = kMaxSessions,
                  .log = [this](const std::string& line) { log_.Add(line); }}};
};

TEST_F(GarbageTest, BytesThatAreNoFrameEndTheStream) {
  ExpectHarmless([&](Peer& peer) {
    peer.Say(std::string(100, 'x'));
    EXPECT_THAT(peer.Closed(), HasSubstr("frame header"));
    EXPECT_THAT(log_.Refused(), ElementsAre(HasSubstr("device 1 has gone: frame header")));
  });
}

TEST_F(GarbageTest, AFrameThatIsTooLargeIsRefusedBeforeItComes) {
  ExpectHarmless([&](Peer& peer) {
    Frame frame = peer.Prompt(0);
    frame.header.count = 1 << 24;
    frame.header.prompt_tokens = 1 << 24;
    const auto header = EncodeHeader(frame.header);
    peer.Say({reinterpret_cast<const char*>(header.data()), header.size()});
    EXPECT_THAT(peer.Closed(), HasSubstr("at most"));
    EXPECT_THAT(log_.Refused(),
                ElementsAre(AllOf(HasSubstr("device 1 has gone"), HasSubstr("bytes; at most"))));
  });
}

TEST_F(GarbageTest, APieceThatIsTooLargeEndsTheStream) {
  ExpectHarmless([&](Peer& peer) {
    peer.Say(std::string(1 << 20, '\0'));
    peer.Closed();
  });
}

TEST_F(GarbageTest, StatesThatAreNoNumbersEndTheirSessionAlone) {
  ExpectHarmless([&](Peer& peer) {
    SessionId session = 0;
    for (const float value :
         {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(),
          -std::numeric_limits<float>::infinity()}) {
      peer.Say(peer.Prompt(session++, value));
    }
    peer.Say(peer.Prompt(session));
    Frame rest = peer.Prompt(session, std::numeric_limits<float>::quiet_NaN());
    rest.header.first_position = 4;
    peer.Say(rest);
    for (size_t n = 0; n < 4; ++n) EXPECT_EQ(peer.Aborted(n), AbortReason::kRefused);
    const auto is_line = HasSubstr("a hidden state is not finite");
    EXPECT_THAT(log_.Refused(), ElementsAre(is_line, is_line, is_line, is_line));
  });
}

// The largest finite values: what comes of them may be no number, and stays the session's own.
TEST_F(GarbageTest, HugeStatesStayTheirSessionsOwn) {
  ExpectHarmless([&](Peer& peer) {
    for (SessionId session = 0; session < 20; ++session) {
      Frame frame = peer.Prompt(session, std::numeric_limits<float>::max(), 8);
      peer.Say(frame);
      peer.Aborted(session);  // or an answer
      frame.header.kind = FrameKind::kClose;
      frame.header.count = 0;
      frame.header.first_position = 8;
      frame.states.clear();
      peer.Say(frame);
    }
  });
}

TEST_F(GarbageTest, WrongPositionsEndTheirSession) {
  ExpectHarmless([&](Peer& peer) {
    Frame frame = peer.Prompt(0);
    frame.header.first_position = 2;
    peer.Say(frame);
    EXPECT_EQ(peer.Aborted(), AbortReason::kRefused);
    peer.Say(peer.Prompt(1));
    frame = peer.Prompt(1);
    frame.header.first_position = 3;
    peer.Say(frame);
    EXPECT_EQ(peer.Aborted(1), AbortReason::kRefused);
    EXPECT_THAT(log_.Refused(), ElementsAre(HasSubstr("not the prompt's first"),
                                            HasSubstr("prompt position 3 where 4 comes next")));
  });
}

TEST_F(GarbageTest, TooManySessionsHaveNoRoom) {
  ExpectHarmless([&](Peer& peer) {
    for (SessionId session = 0; session <= kMaxSessions; ++session) peer.Say(peer.Prompt(session));
    EXPECT_EQ(peer.Aborted(), AbortReason::kNoRoom);
    EXPECT_THAT(log_.Refused(), ElementsAre(HasSubstr("2 sessions of this device are open")));
  });
}

TEST_F(GarbageTest, TooManyRefusedFramesEndTheStream) {
  ExpectHarmless([&](Peer& peer) {
    Frame frame = peer.Prompt(0);
    frame.header.first_position = 2;
    for (int i = 0; i < 2 * kMostRefused; ++i) peer.Say(frame);
    EXPECT_EQ(peer.Closed(), "100 of its frames were refused");
    EXPECT_EQ(log_.Refused().size(), size_t{kMostRefused} + 1);
  });
}

}  // namespace
}  // namespace hat
