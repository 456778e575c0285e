#include "experiments/laws/laws.h"

#include <gmock/gmock.h>

#include <algorithm>

#include "tests/core/expect_error.h"
#include "tests/experiments/event_log.h"

namespace hat {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

LawOptions SplitOptions() {
  LawOptions options;
  options.hidden = kHidden;
  options.devices = 1;
  options.stages = 2;
  options.token_budget = 2;
  return options;
}

std::vector<std::string> Broken(const EventLog& log, const LawOptions& options = SplitOptions(),
                                bool is_partial = false) {
  Laws laws(options);
  Play(log, laws);
  laws.Finish(is_partial);
  return laws.violations().kept();
}

auto HasViolation(const std::string& law, const std::string& what) {
  return Contains(AllOf(StartsWith(law + ": "), HasSubstr(what)));
}

TEST(LawsTest, HoldInAnHonestLife) { EXPECT_THAT(Broken(LifeOfOneRequest()), IsEmpty()); }

TEST(LawsTest, RequireThrowsOneLineWithTheFirstViolation) {
  Laws laws(SplitOptions());
  Play(LifeOfOneRequest(), laws);
  EXPECT_NO_THROW(laws.Require());
  Play(LifeOfOneRequest(), laws);
  EXPECT_RUN_ERROR(laws.Require(), StartsWith("broken law: "));
}

TEST(LawsTest, AllViolationsAreCountedAndAFewKept) {
  Violations violations;
  for (int i = 0; i < 100; ++i) violations.Add("law", "what");
  EXPECT_EQ(violations.count(), 100);
  EXPECT_EQ(violations.kept().size(), Violations::kKept);
}

// -- clock

TEST(LawsTest, ClockThatGoesBackIsCaught) {
  EventLog log = LifeOfOneRequest();
  Nth<TokensTold>(log, 0).at = Ms(41);
  EXPECT_THAT(Broken(log), HasViolation("clock", "tokens at 0.041 s follows 0.044 s"));
}

TEST(LawsTest, EventWhoseTimesAreOutOfOrderIsCaught) {
  EventLog log = LifeOfOneRequest();
  Nth<FrameEvent>(log, 0).left = Ms(9);
  EXPECT_THAT(Broken(log), HasViolation("clock", "a frame at 0.009 s follows 0.01 s"));
}

TEST(LawsTest, InfiniteTimeIsCaught) {
  EventLog log = LifeOfOneRequest();
  Nth<FrameEvent>(log, 0).arrived = Seconds::Infinity();
  EXPECT_THAT(Broken(log), HasViolation("clock", "a frame at inf s"));
}

TEST(LawsTest, BatchThatIsLinkedBeforeItsStageEndedIsCaught) {
  EventLog log = LifeOfOneRequest();
  Nth<StageTold>(log, 1).linked = Ms(30);
  EXPECT_THAT(Broken(log), HasViolation("clock", "a stage at 0.03 s follows 0.031 s"));
}

TEST(LawsTest, ToleranceForgivesWhatItAllows) {
  EventLog log = LifeOfOneRequest();
  Nth<TokensTold>(log, 0).at = Ms(43.5);
  LawOptions options = SplitOptions();
  EXPECT_THAT(Broken(log, options), Not(IsEmpty()));
  options.tolerance = Ms(1);
  EXPECT_THAT(Broken(log, options), IsEmpty());
}

// -- conservation

TEST(LawsTest, RequestThatArrivesTwiceIsCaught) {
  EventLog log = LifeOfOneRequest();
  log.insert(log.begin(), log.front());
  EXPECT_THAT(Broken(log), HasViolation("conservation", "arrives twice"));
}

TEST(LawsTest, RequestThatStartsWithoutArrivalIsCaught) {
  EXPECT_THAT(Broken(Without<ArrivalTold>(LifeOfOneRequest(), 0)),
              HasViolation("conservation", "starts before its arrival"));
}

TEST(LawsTest, RequestThatNeverEndsIsCaughtUnlessTheRunIsPartial) {
  const EventLog log = Without<EndTold>(LifeOfOneRequest(), 0);
  EXPECT_THAT(Broken(log), HasViolation("conservation", "1 requests are in flight"));
  EXPECT_THAT(Broken(log, SplitOptions(), true), IsEmpty());
}

TEST(LawsTest, RequestThatEndsTwiceIsCaught) {
  EventLog log = LifeOfOneRequest();
  log.push_back(EndTold{0, Outcome::kCompleted, Ms(66)});
  EXPECT_THAT(Broken(log), HasViolation("conservation", "an end after its end"));
  EXPECT_THAT(Broken(log), HasViolation("conservation", "1 requests arrived, but 2 completed"));
}

TEST(LawsTest, OperationBehindTheEndIsCaught) {
  EventLog log = LifeOfOneRequest();
  log.push_back(Op(0, DeviceOp::kDraft, 1, 6, SpanMs(66, 66, 67)));
  EXPECT_THAT(Broken(log), HasViolation("conservation", "draft after its end"));
}

// -- tokens

TEST(LawsTest, AcceptedAboveDraftedIsCaught) {
  EventLog log = LifeOfOneRequest();
  Nth<RoundEvent>(log, 0).accepted = 2;
  EXPECT_THAT(Broken(log), HasViolation("tokens", "2 accepted of 1 drafted"));
}

TEST(LawsTest, NegativeAcceptedIsCaught) {
  EventLog log = LifeOfOneRequest();
  Nth<RoundEvent>(log, 0).accepted = -1;
  EXPECT_THAT(Broken(log), HasViolation("tokens", "-1 accepted of 1 drafted"));
}

TEST(LawsTest, WastedAboveAheadStepsIsCaught) {
  EventLog log = LifeOfOneRequest();
  Nth<RoundEvent>(log, 0).wasted_steps = 1;
  EXPECT_THAT(Broken(log), HasViolation("tokens", "1 wasted of 0 ahead steps"));
}

TEST(LawsTest, DraftThatWasNotSentIsCaught) {
  EventLog log = LifeOfOneRequest();
  Nth<RoundEvent>(log, 0).drafted = 2;
  EXPECT_THAT(Broken(log), HasViolation("tokens", "2 drafted, but 2 positions verified"));
}

TEST(LawsTest, MissingDraftStepIsCaught) {
  EXPECT_THAT(Broken(Without<DeviceOpEvent>(LifeOfOneRequest(), 4)),
              HasViolation("tokens", "1 steps for a draft of 1"));
}

TEST(LawsTest, AheadStepThatIsNotToldIsCaught) {
  EventLog log = LifeOfOneRequest();
  Nth<RoundEvent>(log, 0).ahead_steps = 1;
  EXPECT_THAT(Broken(log), HasViolation("tokens", "0 ahead steps done, 1 told"));
}

// Two steps ahead are kept: with one more step they make the next draft, of two tokens.
TEST(LawsTest, KeptAheadStepsCountForTheNextDraft) {
  const Request request{0, 0, 0, Seconds(), 1, 9};
  EventLog log = {ArrivalTold{request},
                  StartTold{request, Seconds()},
                  Op(0, DeviceOp::kDraft, 1, 1, SpanMs(0, 0, 1)),
                  FrameOf(0, Direction::kUp, FrameKind::kVerify, 1, 1, {1, 1, 2, 3}),
                  Op(0, DeviceOp::kDraftAhead, 4, 2, SpanMs(1, 1, 2)),
                  Op(0, DeviceOp::kDraftAhead, 4, 3, SpanMs(2, 2, 3)),
                  RoundEvent{0, 0, 0, 2, 0, Ms(5)},
                  Op(0, DeviceOp::kDraft, 1, 4, SpanMs(5, 5, 6)),
                  FrameOf(0, Direction::kUp, FrameKind::kVerify, 2, 3, {6, 6, 7, 8}),
                  RoundEvent{0, 2, 0, 0, 0, Ms(9)}};
  EXPECT_THAT(Broken(log), Not(HasViolation("tokens", "steps for a draft")));
  Nth<RoundEvent>(log, 0).wasted_steps = 1;
  EXPECT_THAT(Broken(log), HasViolation("tokens", "2 steps for a draft of 2"));
}

TEST(LawsTest, LostTokenIsCaught) {
  EventLog log = LifeOfOneRequest();
  Nth<TokensTold>(log, 1).count = 1;
  EXPECT_THAT(Broken(log), HasViolation("tokens", "ends with 2 of 3 tokens"));
  EXPECT_THAT(Broken(log), HasViolation("tokens", "1 + 1 rounds + 1 accepted is not 2 tokens"));
}

TEST(LawsTest, EmptyTokensAreCaught) {
  EventLog log = LifeOfOneRequest();
  Nth<TokensTold>(log, 1).count = 0;
  EXPECT_THAT(Broken(log), HasViolation("tokens", "has 0 tokens out"));
}

// -- overlap

TEST(LawsTest, TwoOperationsOnOneGpuAreCaught) {
  EventLog log = LifeOfOneRequest();
  Nth<DeviceOpEvent>(log, 5).span = SpanMs(44, 45, 48);
  EXPECT_THAT(Broken(log), HasViolation("overlap", "GPU of device 0.0 starts at 0.045 s"));
}

TEST(LawsTest, GpuThatServesOutOfOrderIsCaught) {
  EventLog log = LifeOfOneRequest();
  Nth<DeviceOpEvent>(log, 5).span.requested = Ms(43);
  EXPECT_THAT(Broken(log), HasViolation("overlap", "asked for at 0.043 s after 0.044 s"));
}

// A draft step of another session runs as a part of the first one's.
TEST(LawsTest, StepsThatRunAsOneMustBeOne) {
  const auto with = [](DeviceOp op, const Span& span) {
    EventLog log = LifeOfOneRequest();
    const auto is_draft = [](const Told& told) {
      const auto* event = std::get_if<DeviceOpEvent>(&told);
      return event != nullptr && event->op == DeviceOp::kDraft;
    };
    const auto first = std::ranges::find_if(log, is_draft);
    const Span whole = std::get<DeviceOpEvent>(*first).span;
    DeviceOpEvent joined = Op(0, op, 1, 3, whole);
    joined.span = {span.requested, whole.start + span.start, whole.end, true};
    log.insert(first + 1, joined);
    return Broken(log);
  };
  const auto in_part = HasViolation("overlap", "run as a part of a draft");
  EXPECT_THAT(with(DeviceOp::kDraft, {}), Not(in_part));
  EXPECT_THAT(with(DeviceOp::kDraft, {Seconds(9), {}, {}}), in_part);  // asked for later
  EXPECT_THAT(with(DeviceOp::kDraft, {{}, Ms(1), {}}), in_part);       // starts later
  EXPECT_THAT(with(DeviceOp::kHead, {}), in_part);
}

TEST(LawsTest, DraftAheadInFrontOfAWaitingOperationIsCaught) {
  EventLog log = LifeOfOneRequest();
  const auto is_answer = [](const Told& told) {
    const auto* frame = std::get_if<FrameEvent>(&told);
    return frame != nullptr && frame->arrived == Ms(62);
  };
  const auto answer = std::find_if(log.begin(), log.end(), is_answer);
  log.insert(answer, Op(0, DeviceOp::kDraftAhead, 4, 5, SpanMs(48, 60, 62)));
  Nth<DeviceOpEvent>(log, 7).span.requested = Ms(59);  // the head waits since 59
  EXPECT_THAT(Broken(log), HasViolation("overlap", "drafts ahead at 0.06 s, head waits since"));
  Nth<DeviceOpEvent>(log, 7).span.requested = Ms(62);
  EXPECT_THAT(Broken(log), Not(HasViolation("overlap", "drafts ahead")));
}

TEST(LawsTest, TwoFramesOnOneLinkAreCaught) {
  EventLog log = LifeOfOneRequest();
  Nth<FrameEvent>(log, 0).left = Ms(18.5);
  Nth<FrameEvent>(log, 0).arrived = Ms(18.5);
  EXPECT_THAT(Broken(log), HasViolation("overlap", "uplink of device 0.0 starts at 0.018 s"));
  LawOptions options = SplitOptions();
  options.has_real_links = true;
  EXPECT_THAT(Broken(log, options), Not(HasViolation("overlap", "uplink"))) << "several under way";
}

TEST(LawsTest, DownlinkOverlapIsCaught) {
  EventLog log = LifeOfOneRequest();
  FrameEvent again = Nth<FrameEvent>(log, 2);
  again.start = Ms(39.5);
  log.insert(log.begin() + 13, again);
  EXPECT_THAT(Broken(log), HasViolation("overlap", "downlink of device 0.0 starts at 0.0395 s"));
}

TEST(LawsTest, StageWithTwoBatchesIsCaught) {
  EventLog log = LifeOfOneRequest();
  Nth<StageTold>(log, 3).span = SpanMs(32, 32, 39);  // stage 1 has batch 0 until 33
  EXPECT_THAT(Broken(log), HasViolation("overlap", "stage 0.1 starts at 0.032 s"));
}

TEST(LawsTest, BatchThatOvertakesIsCaught) {
  EventLog log = LifeOfOneRequest();
  Nth<StageTold>(log, 1).batch.ordinal = 2;
  EXPECT_THAT(Broken(log), HasViolation("overlap", "stage 0.0 runs batch 2 after batch 0"));
}

TEST(LawsTest, StageThatStartsWithoutABufferIsCaught) {
  EventLog log = LifeOfOneRequest();
  StageTold& second = Nth<StageTold>(log, 1);  // may start at 25, when stage 1 takes batch 0
  second.batch.formed = Ms(24);
  second.span = SpanMs(24, 24, 31);
  EXPECT_THAT(Broken(log), HasViolation("overlap", "stage 0.0 starts batch 1 at 0.024 s"));
}

// -- cause

TEST(LawsTest, FrameSentBeforeItsInputEndedIsCaught) {
  EventLog log = LifeOfOneRequest();
  Nth<FrameEvent>(log, 1).sent = Ms(17);
  EXPECT_THAT(Broken(log), HasViolation("cause", "a prefill frame at 0.017 s"));
}

TEST(LawsTest, FrameWithoutInputIsCaught) {
  EXPECT_THAT(Broken(Without<DeviceOpEvent>(LifeOfOneRequest(), 1)),
              HasViolation("cause", "a prefill frame that no input computed"));
}

TEST(LawsTest, VerifyFrameSentBeforeItsDraftEndedIsCaught) {
  EventLog log = LifeOfOneRequest();
  Nth<FrameEvent>(log, 3).sent = Ms(47);
  EXPECT_THAT(Broken(log), HasViolation("cause", "a verify frame at 0.047 s"));
}

TEST(LawsTest, BatchFormedBeforeItsFrameArrivedIsCaught) {
  EventLog log = LifeOfOneRequest();
  Nth<StageTold>(log, 0).batch.formed = Ms(15);
  EXPECT_THAT(Broken(log), HasViolation("cause", "a batch at 0.015 s"));
}

TEST(LawsTest, PromptPositionsThatHaveNotArrivedAreCaught) {
  EXPECT_THAT(Broken(Without<FrameEvent>(LifeOfOneRequest(), 1)),
              HasViolation("cause", "prompt positions in a batch before they arrived"));
}

TEST(LawsTest, VerificationWithoutItsFrameIsCaught) {
  EXPECT_THAT(Broken(Without<FrameEvent>(LifeOfOneRequest(), 3)),
              HasViolation("cause", "verified without one frame for it"));
}

TEST(LawsTest, BatchOfARequestThatWasNotAdmittedIsCaught) {
  EXPECT_THAT(Broken(Without<AdmittedTold>(LifeOfOneRequest(), 0)),
              HasViolation("cause", "a replica that did not admit it"));
}

TEST(LawsTest, AdmissionBeforeTheFirstFrameIsCaught) {
  EventLog log = Without<AdmittedTold>(LifeOfOneRequest(), 0);
  log.insert(log.begin() + 2, AdmittedTold{0, 0, Ms(0)});
  EXPECT_THAT(Broken(log), HasViolation("cause", "admitted before its first frame"));
}

TEST(LawsTest, StageBeforeTheOneInFrontIsCaught) {
  EventLog log = LifeOfOneRequest();
  Nth<StageTold>(log, 5).span.requested = Ms(55.5);  // linked at 56
  EXPECT_THAT(Broken(log), HasViolation("cause", "a stage at 0.0555 s"));
}

TEST(LawsTest, BatchThatSkipsAStageIsCaught) {
  EXPECT_THAT(Broken(Without<StageTold>(LifeOfOneRequest(), 4)),
              HasViolation("cause", "is on stage 1 without the one before"));
}

TEST(LawsTest, AnswerBeforeTheLastStageEndedIsCaught) {
  EventLog log = LifeOfOneRequest();
  Nth<FrameEvent>(log, 2).sent = Ms(38);
  EXPECT_THAT(Broken(log), HasViolation("cause", "an answer at 0.038 s"));
}

TEST(LawsTest, AnswerWithoutDeepStatesIsCaught) {
  EventLog log = Without<StageTold>(LifeOfOneRequest(), 5);
  EXPECT_THAT(Broken(log), HasViolation("cause", "an answer without deep states"));
}

TEST(LawsTest, HeadBeforeTheAnswerIsCaught) {
  EventLog log = LifeOfOneRequest();
  Nth<DeviceOpEvent>(log, 3).span.requested = Ms(41);
  EXPECT_THAT(Broken(log), HasViolation("cause", "head at 0.041 s"));
  EXPECT_THAT(Broken(Without<FrameEvent>(LifeOfOneRequest(), 2)),
              HasViolation("cause", "a head without one answer for it"));
}

TEST(LawsTest, TokensWithoutAHeadAreCaught) {
  EXPECT_THAT(Broken(Without<DeviceOpEvent>(LifeOfOneRequest(), 3)),
              HasViolation("cause", "tokens without one head for them"));
}

TEST(LawsTest, OperationBeforeTheStartIsCaught) {
  EventLog log = LifeOfOneRequest();
  Nth<StartTold>(log, 0).at = Ms(1);
  EXPECT_THAT(Broken(log), HasViolation("cause", "input at 0 s, before its cause at 0.001 s"));
}

// -- bytes, batch, utilisation

TEST(LawsTest, WrongFrameSizeIsCaught) {
  EventLog log = LifeOfOneRequest();
  Nth<FrameEvent>(log, 0).size = Bytes(79);  // 64 + 2 * 4 * 2 = 80
  EXPECT_THAT(Broken(log), HasViolation("bytes", "a frame of 80 bytes counts as 79"));
}

TEST(LawsTest, BatchThatMiscountsItsTokensIsCaught) {
  EventLog log = LifeOfOneRequest();
  Nth<StageTold>(log, 0).batch.tokens = 1;
  EXPECT_THAT(Broken(log), HasViolation("batch", "batch 0.0 has 1 tokens, its parts 2"));
}

TEST(LawsTest, BatchAboveTheBudgetIsCaughtWhereThereIsOne) {
  LawOptions options = SplitOptions();
  options.token_budget = 1;
  EXPECT_THAT(Broken(LifeOfOneRequest(), options), HasViolation("batch", "the budget is 1"));
  options.token_budget = 0;
  EXPECT_THAT(Broken(LifeOfOneRequest(), options), IsEmpty());
}

TEST(LawsTest, PromptPositionThatIsComputedTwiceIsCaught) {
  EventLog log = LifeOfOneRequest();
  Nth<StageTold>(log, 1).batch.parts[0].first_position = 1;
  EXPECT_THAT(Broken(log), HasViolation("batch", "prompt positions left out, twice"));
}

TEST(LawsTest, UnmarkedEndOfThePromptIsCaught) {
  EventLog log = LifeOfOneRequest();
  Nth<StageTold>(log, 1).batch.parts[0].completes_prompt = false;
  EXPECT_THAT(Broken(log), HasViolation("batch", "the last prompt position is not marked"));
}

TEST(LawsTest, UtilisationAboveOneIsCaught) {
  EventLog log = LifeOfOneRequest();
  for (int i = 0; i < 3; ++i) log.push_back(Op(0, DeviceOp::kDraft, 1, 4, SpanMs(2, 2, 48)));
  EXPECT_THAT(Broken(log), HasViolation("utilisation", "GPU of device 0.0 was busy for"));
}

// -- other systems

EventLog CloudOnlyLife() {
  const Request request{0, 0, 0, Seconds(), 2, 2};
  BatchPart prompt = PrefillPart(0, 0, 2, true, 3);
  prompt.kind = FrameKind::kRawPrompt;
  const BatchPart decode = VerifyPart(0, 2, 1, 10);
  return {
      ArrivalTold{request},
      StartTold{request, Seconds()},
      FrameOf(0, Direction::kUp, FrameKind::kRawPrompt, 0, 2, {0, 0, 1, 3}),
      AdmittedTold{0, 0, Ms(3)},
      OnStage(0, 0, {prompt}, 3, SpanMs(3, 3, 6), 7),
      OnStage(0, 1, {prompt}, 3, SpanMs(7, 7, 10), 10),
      OnStage(1, 0, {decode}, 10, SpanMs(10, 10, 11), 12),
      FrameOf(0, Direction::kDown, FrameKind::kRawToken, 1, 1, {10, 10, 11, 13}),
      TokensTold{0, 1, Ms(13)},
      OnStage(1, 1, {decode}, 10, SpanMs(12, 12, 13), 13),
      FrameOf(0, Direction::kDown, FrameKind::kRawToken, 2, 1, {13, 13, 14, 16}),
      TokensTold{0, 1, Ms(16)},
      EndTold{0, Outcome::kCompleted, Ms(16)},
      FrameOf(0, Direction::kUp, FrameKind::kClose, 4, 0, {16, 16, 17, 19}),
  };
}

TEST(LawsTest, CloudOnlyNeedsNoDeviceOperation) {
  LawOptions options = SplitOptions();
  options.system = FindSystem("cloud-only");
  EXPECT_THAT(Broken(CloudOnlyLife(), options), IsEmpty());
}

TEST(LawsTest, CloudOnlyTokenThatReentersTooEarlyIsCaught) {
  LawOptions options = SplitOptions();
  options.system = FindSystem("cloud-only");
  EventLog log = CloudOnlyLife();
  Nth<StageTold>(log, 2).batch.parts[0].arrived = Ms(9);
  EXPECT_THAT(Broken(log, options), HasViolation("cause", "a decode token at 0.009 s"));
  EXPECT_THAT(Broken(Without<FrameEvent>(CloudOnlyLife(), 2), options),
              HasViolation("cause", "a token without an answer"));
}

TEST(LawsTest, DeviceOnlyNeedsNoCloud) {
  LawOptions options = SplitOptions();
  options.system = FindSystem("device-only");
  options.stages = 0;
  const Request request{0, 0, 0, Seconds(), 2, 1};
  EventLog log = {ArrivalTold{request},
                  StartTold{request, Seconds()},
                  Op(0, DeviceOp::kInput, 2, 0, SpanMs(0, 0, 5)),
                  Op(0, DeviceOp::kHead, 1, 0, SpanMs(5, 5, 6)),
                  TokensTold{0, 1, Ms(6)},
                  EndTold{0, Outcome::kCompleted, Ms(6)}};
  EXPECT_THAT(Broken(log, options), IsEmpty());
  Nth<DeviceOpEvent>(log, 1).span.requested = Ms(4);
  EXPECT_THAT(Broken(log, options), HasViolation("cause", "head at 0.004 s"));
}

}  // namespace
}  // namespace hat
