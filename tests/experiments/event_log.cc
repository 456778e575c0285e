#include "tests/experiments/event_log.h"

#include <utility>

namespace hat {
namespace {

struct Teller {
  Observer& observer;

  void operator()(const ArrivalTold& told) { observer.OnArrival(told.request); }
  void operator()(const StartTold& told) { observer.OnStart(told.request, told.at); }
  void operator()(const DeviceOpEvent& told) { observer.OnDeviceOp(told); }
  void operator()(const FrameEvent& told) { observer.OnFrame(told); }
  void operator()(const AdmittedTold& told) {
    observer.OnAdmitted(told.request, told.replica, told.at);
  }
  void operator()(const StageTold& told) {
    observer.OnStage({&told.batch, told.stage, told.span, told.linked});
  }
  void operator()(const RoundEvent& told) { observer.OnRound(told); }
  void operator()(const TokensTold& told) { observer.OnTokens(told.request, told.count, told.at); }
  void operator()(const EndTold& told) { observer.OnEnd(told.request, told.outcome, told.at); }
};

}  // namespace

void Play(const EventLog& log, Observer& observer) {
  for (const Told& told : log) std::visit(Teller{observer}, told);
}

DeviceOpEvent Op(int request, DeviceOp op, int tokens, int context, Span span) {
  return {request, 0, op, tokens, context, span};
}

FrameEvent FrameOf(int request, Direction direction, FrameKind kind, int first_position, int count,
                   const double (&times_ms)[4]) {
  FrameEvent event;
  event.request = request;
  event.direction = direction;
  event.header.session = static_cast<SessionId>(request);
  event.header.kind = kind;
  event.header.first_position = first_position;
  event.header.count = count;
  event.size = FrameBytes(event.header, kHidden);
  event.sent = Ms(times_ms[0]);
  event.start = Ms(times_ms[1]);
  event.left = Ms(times_ms[2]);
  event.arrived = Ms(times_ms[3]);
  return event;
}

BatchPart PrefillPart(int request, int first_position, int tokens, bool completes_prompt,
                      double arrived_ms) {
  BatchPart part;
  part.session.number = static_cast<SessionId>(request);
  part.kind = FrameKind::kPrefill;
  part.first_position = first_position;
  part.tokens = tokens;
  part.completes_prompt = completes_prompt;
  part.arrived = Ms(arrived_ms);
  return part;
}

BatchPart VerifyPart(int request, int first_position, int tokens, double arrived_ms) {
  BatchPart part = PrefillPart(request, first_position, tokens, false, arrived_ms);
  part.kind = FrameKind::kVerify;
  return part;
}

StageTold OnStage(int ordinal, int stage, std::vector<BatchPart> parts, double formed_ms, Span span,
                  double linked_ms) {
  StageTold told;
  told.batch.ordinal = ordinal;
  for (const BatchPart& part : parts) told.batch.tokens += part.tokens;
  told.batch.parts = std::move(parts);
  told.batch.formed = Ms(formed_ms);
  told.stage = stage;
  told.span = span;
  told.linked = Ms(linked_ms);
  return told;
}

EventLog LifeOfOneRequest() {
  const Request request{0, 0, 7, Seconds(), 3, 3};
  const BatchPart chunk0 = PrefillPart(0, 0, 2, false, 16);
  const BatchPart chunk1 = PrefillPart(0, 2, 1, true, 22);
  const BatchPart round = VerifyPart(0, 3, 2, 52);
  return {
      ArrivalTold{request},
      StartTold{request, Seconds()},
      Op(0, DeviceOp::kInput, 2, 0, SpanMs(0, 0, 10)),
      FrameOf(0, Direction::kUp, FrameKind::kPrefill, 0, 2, {10, 10, 14, 16}),
      AdmittedTold{0, 0, Ms(16)},
      Op(0, DeviceOp::kInput, 1, 2, SpanMs(10, 10, 18)),
      Op(0, DeviceOp::kAdapter, 3, 0, SpanMs(18, 18, 19)),
      FrameOf(0, Direction::kUp, FrameKind::kPrefill, 2, 1, {18, 18, 20, 22}),
      OnStage(0, 0, {chunk0}, 16, SpanMs(16, 16, 24), 25),
      OnStage(1, 0, {chunk1}, 25, SpanMs(25, 25, 31), 32),
      OnStage(0, 1, {chunk0}, 16, SpanMs(25, 25, 33), 33),
      OnStage(1, 1, {chunk1}, 25, SpanMs(32, 33, 39), 39),
      FrameOf(0, Direction::kDown, FrameKind::kFirst, 2, 1, {39, 39, 40, 42}),
      Op(0, DeviceOp::kHead, 1, 0, SpanMs(42, 42, 44)),
      TokensTold{0, 1, Ms(44)},
      Op(0, DeviceOp::kDraft, 1, 3, SpanMs(44, 44, 46)),
      Op(0, DeviceOp::kDraft, 1, 4, SpanMs(46, 46, 48)),
      FrameOf(0, Direction::kUp, FrameKind::kVerify, 3, 2, {48, 48, 50, 52}),
      OnStage(2, 0, {round}, 52, SpanMs(52, 52, 55), 56),
      OnStage(2, 1, {round}, 52, SpanMs(56, 56, 59), 59),
      FrameOf(0, Direction::kDown, FrameKind::kVerify, 3, 2, {59, 59, 60, 62}),
      Op(0, DeviceOp::kHead, 2, 0, SpanMs(62, 62, 63)),
      RoundEvent{0, 1, 1, 0, 0, Ms(63)},
      TokensTold{0, 2, Ms(63)},
      EndTold{0, Outcome::kCompleted, Ms(63)},
      FrameOf(0, Direction::kUp, FrameKind::kClose, 6, 0, {63, 63, 63.5, 65.5}),
  };
}

}  // namespace hat
