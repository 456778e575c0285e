#include "protocol/front_door.h"

#include <gmock/gmock.h>

#include <functional>
#include <map>
#include <string>

namespace hat {
namespace {

using testing::HasSubstr;

constexpr int kHidden = 3;

// A session of 8 prompt and 6 output tokens with a server that may hold 13 positions.
class FrontDoorTest : public testing::Test {
 protected:
  explicit FrontDoorTest(bool takes_trees = false)
      : door_(
            {.takes_trees = takes_trees, .hidden = kHidden, .max_positions = 13, .max_verify = 5}) {
  }

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
  // As the server asks: of an open session, or of one to be opened.
  Refusal Ask(const Frame& frame) {
    const auto found = open_.find(frame.header.session);
    if (found != open_.end()) return door_.OnFrame(frame, &found->second);
    FrontDoor::Session opened;
    Refusal refusal = door_.Open(frame, &opened);
    if (!refusal) refusal = door_.OnFrame(frame, &opened);
    if (!refusal) open_[frame.header.session] = opened;
    return refusal;
  }
  void Passes(const Frame& frame) { EXPECT_EQ(Ask(frame), std::nullopt); }
  void Answer(const Frame& frame) { door_.OnAnswer(frame.header, &open_.at(frame.header.session)); }
  void AnswerPrompt() { Answer(Up(FrameKind::kFirst, 7, 1)); }
  void Refuses(const Frame& frame, const std::string& words) {
    const Refusal refusal = Ask(frame);
    ASSERT_TRUE(refusal.has_value()) << "let in, but: " << words;
    EXPECT_THAT(*refusal, HasSubstr(words));
  }
  void Exchange(const Frame& frame) {
    Passes(frame);
    Answer(frame);
  }
  void Prefill() {
    Passes(Up(FrameKind::kPrefill, 0, 8));
    AnswerPrompt();
  }

  FrontDoor door_;
  std::map<SessionId, FrontDoor::Session> open_;
};
class FrontDoorOfTreesTest : public FrontDoorTest {
 protected:
  FrontDoorOfTreesTest() : FrontDoorTest(true) {}
};

TEST_F(FrontDoorTest, LetsAWholeSessionThrough) {
  Passes(Up(FrameKind::kPrefill, 0, 5));
  Passes(Up(FrameKind::kPrefill, 5, 3));
  AnswerPrompt();
  Exchange(Up(FrameKind::kVerify, 8, 4));
  Exchange(Up(FrameKind::kVerify, 9, 2));  // one of four was kept
  Exchange(Up(FrameKind::kVerify, 11, 2));
  Passes(Up(FrameKind::kClose, 13, 0));
}

TEST_F(FrontDoorTest, RefusesFramesOfNoSession) {
  Refuses(Up(FrameKind::kVerify, 8, 1), "no open session of this device");
  Refuses(Up(FrameKind::kClose, 8, 0), "no open session of this device");
  Refuses(Up(FrameKind::kPrefill, 3, 5), "not the prompt's first");
}

TEST_F(FrontDoorTest, LetsAClosePassAtAnyMoment) {
  Passes(Up(FrameKind::kPrefill, 0, 5));
  Passes(Up(FrameKind::kClose, 8, 0));
}

TEST_F(FrontDoorTest, CountsFramesThatHoldNoStates) {
  door_ = FrontDoor({.hidden = kHidden, .carries_states = false});
  const Frame frame = Up(FrameKind::kPrefill, 0, 8);
  Refuses(frame, "48 bytes of states in place of 0");
  Passes(Changed(frame, [](Frame& f) { f.states.clear(); }));
}

TEST_F(FrontDoorTest, OfRawTokensKnowsNoStates) {
  door_ = FrontDoor({.returns_tokens = true, .hidden = kHidden});
  const Frame prompt = Changed(Up(FrameKind::kRawPrompt, 0, 8), [](Frame& f) { f.states.clear(); });
  Refuses(Up(FrameKind::kPrefill, 0, 8), "no open session of this device");
  Passes(prompt);
  Refuses(prompt, "prompt position 0 where 8 comes next");
  Refuses(Up(FrameKind::kVerify, 8, 1), "a kind that devices do not send");
}

TEST_F(FrontDoorTest, RefusesKindsAndShapesThatDevicesDoNotSend) {
  Refuses(Up(FrameKind::kFirst, 0, 8), "no open session of this device");
  const Frame good = Up(FrameKind::kPrefill, 0, 8);
  Refuses(Changed(good, [](Frame& f) { f.states.pop_back(); }),
          "47 bytes of states in place of 48");
  Refuses(Changed(good, [](Frame& f) { f.kept = {0}; }), "1 kept nodes in place of 0");
  Refuses(Changed(good, [](Frame& f) { f.parents = {-1}; }), "1 parents in place of 0");
  Refuses(Changed(good, [](Frame& f) { f.header.count = -1; }), "frame header");
  Refuses(Changed(good,
                  [](Frame& f) {
                    f.header.dtype = Dtype::kFloat32;
                    f.states.resize(96);
                  }),
          "another dtype");
  Refuses(Changed(good, [](Frame& f) { f.header.output_tokens = 7; }),
          "14 positions; the model has 13");
}

TEST_F(FrontDoorTest, RefusesAPromptThatDoesNotGoOn) {
  Passes(Up(FrameKind::kPrefill, 0, 5));
  Refuses(Up(FrameKind::kPrefill, 4, 4), "prompt position 4 where 5 comes next");
  Refuses(Up(FrameKind::kPrefill, 6, 2), "prompt position 6 where 5 comes next");
  Refuses(Changed(Up(FrameKind::kPrefill, 5, 3), [](Frame& f) { f.header.prompt_tokens = 9; }),
          "another prompt or output length");
  Passes(Up(FrameKind::kPrefill, 5, 3));
}

TEST_F(FrontDoorTest, RefusesWhatComesBeforeAnAnswer) {
  Passes(Up(FrameKind::kPrefill, 0, 8));
  Refuses(Up(FrameKind::kVerify, 8, 1), "before the answer");
  AnswerPrompt();
  Passes(Up(FrameKind::kVerify, 8, 2));
  Refuses(Up(FrameKind::kVerify, 9, 1), "before the answer");
}

TEST_F(FrontDoorTest, RefusesVerificationsThatDoNotFollowTheOneBefore) {
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

TEST_F(FrontDoorOfTreesTest, LetsTreesThrough) {
  Prefill();
  Exchange(Tree(8, {-1, 0, 0, 1}, {}));
  Exchange(Tree(11, {-1, 0}, {0, 1, 3}));
  Passes(Up(FrameKind::kClose, 13, 0));
}

TEST_F(FrontDoorOfTreesTest, RefusesTreesAndPathsThatAreNone) {
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
  Passes(Tree(10, {-1, 0, 0}, {0, 2}));
}

}  // namespace
}  // namespace hat
