#include "runtime/session/frame_gate.h"

#include <gmock/gmock.h>

#include <functional>

#include "tests/core/expect_error.h"

namespace hat {
namespace {

using testing::HasSubstr;

constexpr int kHidden = 3;

// A session of 8 prompt and 6 output tokens with a server that may hold 13 positions.
class FrameGateTest : public testing::Test {
 protected:
  explicit FrameGateTest(SystemSpec::Kind kind = SystemSpec::Kind::kSplit)
      : gate_({kind, WireDtype::kFloat16, kHidden, 13, 5}) {}

  static Frame Up(FrameKind kind, int first, int count, SessionId session = 1) {
    Frame frame;
    frame.header.session = session;
    frame.header.kind = kind;
    frame.header.first_position = first;
    frame.header.count = count;
    frame.header.prompt_tokens = 8;
    frame.header.output_tokens = 6;
    frame.states.resize(static_cast<size_t>(count) * kHidden * 2);
    return frame;
  }
  static Frame Tree(int first, std::vector<int32_t> parents, std::vector<int32_t> kept) {
    Frame frame = Up(FrameKind::kVerify, first, static_cast<int>(parents.size()));
    frame.header.flags = kFlagTree;
    frame.header.kept_count = static_cast<int32_t>(kept.size());
    frame.parents = std::move(parents);
    frame.kept = std::move(kept);
    return frame;
  }
  static Frame Changed(Frame frame, const std::function<void(Frame&)>& change) {
    change(frame);
    return frame;
  }
  void Answer(const Frame& frame) { gate_.OnDown(frame.header); }
  void AnswerPrompt() { Answer(Up(FrameKind::kFirst, 7, 1)); }
  void Refuses(const Frame& frame, const std::string& words, int device = 0) {
    EXPECT_INPUT_ERROR(gate_.OnUp(device, frame), HasSubstr(words));
  }
  void Exchange(const Frame& frame) {
    gate_.OnUp(0, frame);
    Answer(frame);
  }
  void Prefill() {
    gate_.OnUp(0, Up(FrameKind::kPrefill, 0, 8));
    AnswerPrompt();
  }

  FrameGate gate_;
};
class FrameGateOfTreesTest : public FrameGateTest {
 protected:
  FrameGateOfTreesTest() : FrameGateTest(SystemSpec::Kind::kMedusa) {}
};

TEST_F(FrameGateTest, LetsAWholeSessionThrough) {
  gate_.OnUp(0, Up(FrameKind::kPrefill, 0, 5));
  gate_.OnUp(0, Up(FrameKind::kPrefill, 5, 3));
  AnswerPrompt();
  Exchange(Up(FrameKind::kVerify, 8, 4));
  Exchange(Up(FrameKind::kVerify, 9, 2));  // one of four was kept
  Exchange(Up(FrameKind::kVerify, 11, 2));
  EXPECT_EQ(gate_.sessions(), 1u);
  gate_.OnUp(0, Up(FrameKind::kClose, 13, 0));
  EXPECT_EQ(gate_.sessions(), 0u);
}

TEST_F(FrameGateTest, RefusesFramesOfNoSessionOrAnotherDevices) {
  Refuses(Up(FrameKind::kVerify, 8, 1), "no open session of this device");
  Refuses(Up(FrameKind::kClose, 8, 0), "no open session of this device");
  Refuses(Up(FrameKind::kPrefill, 3, 5), "not the prompt's first");
  Prefill();
  Refuses(Up(FrameKind::kVerify, 8, 1), "no open session of this device", 1);
  Refuses(Up(FrameKind::kClose, 8, 0), "no open session of this device", 1);
}

TEST_F(FrameGateTest, RefusesKindsAndShapesThatDevicesDoNotSend) {
  Refuses(Up(FrameKind::kFirst, 0, 8), "a kind that devices do not send");
  const Frame good = Up(FrameKind::kPrefill, 0, 8);
  Refuses(Changed(good, [](Frame& f) { f.states.pop_back(); }),
          "47 bytes of states in place of 48");
  Refuses(Changed(good, [](Frame& f) { f.kept = {0}; }), "1 kept nodes in place of 0");
  Refuses(Changed(good, [](Frame& f) { f.parents = {-1}; }), "1 parents in place of 0");
  Refuses(Changed(good, [](Frame& f) { f.header.count = -1; }), "frame header");
  Refuses(Changed(good,
                  [](Frame& f) {
                    f.header.dtype = WireDtype::kFloat32;
                    f.states.resize(96);
                  }),
          "another dtype");
  Refuses(Changed(good, [](Frame& f) { f.header.output_tokens = 7; }),
          "14 positions; the model has 13");
  EXPECT_EQ(gate_.sessions(), 0u);
}

TEST_F(FrameGateTest, RefusesAPromptThatDoesNotGoOn) {
  gate_.OnUp(0, Up(FrameKind::kPrefill, 0, 5));
  Refuses(Up(FrameKind::kPrefill, 4, 4), "prompt position 4 where 5 comes next");
  Refuses(Up(FrameKind::kPrefill, 6, 2), "prompt position 6 where 5 comes next");
  Refuses(Changed(Up(FrameKind::kPrefill, 5, 3), [](Frame& f) { f.header.prompt_tokens = 9; }),
          "another prompt or output length");
  gate_.OnUp(0, Up(FrameKind::kPrefill, 5, 3));
}

TEST_F(FrameGateTest, RefusesWhatComesBeforeAnAnswer) {
  gate_.OnUp(0, Up(FrameKind::kPrefill, 0, 8));
  Refuses(Up(FrameKind::kVerify, 8, 1), "before the answer");
  Refuses(Up(FrameKind::kClose, 8, 0), "before it has its last answer");
  AnswerPrompt();
  gate_.OnUp(0, Up(FrameKind::kVerify, 8, 2));
  Refuses(Up(FrameKind::kVerify, 9, 1), "before the answer");
  Refuses(Up(FrameKind::kClose, 9, 0), "before it has its last answer");
}

TEST_F(FrameGateTest, RefusesVerificationsThatDoNotFollowTheOneBefore) {
  Prefill();
  Refuses(Up(FrameKind::kVerify, 9, 1), "position 9 does not follow");
  Refuses(Up(FrameKind::kVerify, 8, 6), "6 states to verify; at most 5");
  Exchange(Up(FrameKind::kVerify, 8, 3));
  Refuses(Up(FrameKind::kVerify, 8, 1), "position 8 does not follow");
  Refuses(Up(FrameKind::kVerify, 12, 1), "position 12 does not follow");
  Refuses(Up(FrameKind::kVerify, 11, 3), "beyond the last position");
  Refuses(Tree(11, {-1}, {}), "a tree where chains are drafted");
  Exchange(Up(FrameKind::kVerify, 11, 2));
}

TEST_F(FrameGateOfTreesTest, LetsTreesThrough) {
  Prefill();
  Exchange(Tree(8, {-1, 0, 0, 1}, {}));
  Exchange(Tree(11, {-1, 0}, {0, 1, 3}));
  gate_.OnUp(0, Up(FrameKind::kClose, 13, 0));
}

TEST_F(FrameGateOfTreesTest, RefusesTreesAndPathsThatAreNone) {
  Prefill();
  Refuses(Up(FrameKind::kVerify, 8, 1), "a chain where trees are drafted");
  Refuses(Tree(8, {-1}, {0}), "kept of no tree");
  Refuses(Tree(8, {0}, {}), "parents");
  Refuses(Tree(8, {-1, 1}, {}), "parents");
  Refuses(Tree(8, {-1, -1}, {}), "parents");
  Refuses(Tree(8, {-1, 0, 1, 2, 3, 4}, {}), "at most 5");
  Exchange(Tree(8, {-1, 0, 0, 1}, {}));
  Refuses(Tree(9, {-1}, {}), "no node of the tree before is kept");
  for (const std::vector<int32_t>& kept :
       std::vector<std::vector<int32_t>>{{1}, {0, 3}, {0, 4}, {0, -1}, {0, 2, 3}, {0, 0}}) {
    Refuses(Tree(8 + static_cast<int>(kept.size()), {-1}, kept), "no path");
  }
  Refuses(Tree(9, {-1}, {0, 1}), "position 9 does not follow");
  Refuses(Tree(11, {-1, 0, 1}, {0, 1, 3}), "beyond the last position");
  gate_.OnUp(0, Tree(10, {-1, 0, 0}, {0, 2}));
}

}  // namespace
}  // namespace hat
