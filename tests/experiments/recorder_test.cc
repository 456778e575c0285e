#include "experiments/watch/recorder.h"

#include <gtest/gtest.h>

#include "tests/experiments/event_log.h"

namespace hat {
namespace {

TEST(MomentsTest, TheLargestValueMayBeNegative) {
  Moments moments;
  EXPECT_EQ(moments.max(), 0);
  for (const double x : {-3, -1, -2}) moments.Add(x);
  EXPECT_EQ(moments.max(), -1);
}

TEST(MomentsTest, StandardDeviationDividesByOneLess) {
  Moments moments;
  moments.Add(1);
  EXPECT_EQ(moments.std(), 0);
  moments.Add(2);
  moments.Add(3);
  EXPECT_DOUBLE_EQ(moments.mean(), 2);
  EXPECT_DOUBLE_EQ(moments.std(), 1);
}

RecorderOptions OneDevice() {
  RecorderOptions options;
  options.classes = {"jetson"};
  options.class_of_device = {0};
  options.stages = 2;
  return options;
}

// The same life as request `id`, `later_ms` later. Stages count on.
EventLog Shifted(int id, double later_ms) {
  EventLog log = LifeOfOneRequest();
  const auto move = [&](Seconds& time) { time += Ms(later_ms); };
  const auto move_span = [&](Span& span) {
    move(span.requested), move(span.start), move(span.end);
  };
  for (Told& told : log) {
    if (auto* arrival = std::get_if<ArrivalTold>(&told)) {
      arrival->request.id = id;
      move(arrival->request.arrival);
    } else if (auto* start = std::get_if<StartTold>(&told)) {
      start->request.id = id;
      move(start->at);
    } else if (auto* op = std::get_if<DeviceOpEvent>(&told)) {
      op->request = id;
      move_span(op->span);
    } else if (auto* frame = std::get_if<FrameEvent>(&told)) {
      frame->request = id;
      move(frame->sent), move(frame->start), move(frame->left), move(frame->arrived);
    } else if (auto* stage = std::get_if<StageTold>(&told)) {
      stage->batch.parts[0].session.number = static_cast<SessionId>(id);
      stage->batch.ordinal += 3 * id;
      move(stage->batch.formed), move_span(stage->span), move(stage->linked);
    } else if (auto* round = std::get_if<RoundEvent>(&told)) {
      round->request = id;
      move(round->at);
    } else if (auto* tokens = std::get_if<TokensTold>(&told)) {
      tokens->request = id;
      move(tokens->at);
    } else if (auto* end = std::get_if<EndTold>(&told)) {
      end->request = id;
      move(end->at);
    }
  }
  return log;
}

TEST(RecorderTest, RowHoldsALifeInNumbers) {
  Recorder recorder(OneDevice());
  Play(LifeOfOneRequest(), recorder);
  ASSERT_EQ(recorder.rows().size(), 1u);
  const RequestRow& row = recorder.rows()[0];
  EXPECT_EQ(row.state, RequestRow::State::kCompleted);
  EXPECT_EQ(row.request.prompt_row, 7);
  EXPECT_DOUBLE_EQ(ToMilliseconds(row.Ttft()), 44);
  EXPECT_DOUBLE_EQ(ToMilliseconds(row.Tbt()), (63 - 44) / 2.0);
  EXPECT_DOUBLE_EQ(ToMilliseconds(row.E2e()), 63);
  EXPECT_EQ(row.tokens, 3);
  EXPECT_EQ(row.rounds, 1);
  EXPECT_EQ(row.drafted, 1);
  EXPECT_EQ(row.accepted, 1);
  EXPECT_NEAR(Sum(row.parts) / row.Ttft(), 1, 1e-12);
  EXPECT_NEAR(ToMilliseconds(row.parts.cloud_compute), 15, 1e-9);
}

// Up: 64 + 2 * 8, 64 + 8, 64 + 2 * 8 and the Close frame's 64, which comes after the end.
TEST(RecorderTest, BytesCountEveryFrameWithItsHeader) {
  Recorder recorder(OneDevice());
  Play(LifeOfOneRequest(), recorder);
  EXPECT_EQ(recorder.rows()[0].bytes_up, Bytes(80 + 72 + 80 + 64));
  EXPECT_EQ(recorder.rows()[0].bytes_down, Bytes(72 + 80));
}

// The window is 65.5 ms; the GPU works 10 + 8 + 1 + 2 + 2 + 2 + 1 of them.
TEST(RecorderTest, UtilisationIsBusyTimeOverTheWindow) {
  Recorder recorder(OneDevice());
  Play(LifeOfOneRequest(), recorder);
  EXPECT_NEAR(ToMilliseconds(recorder.window()), 65.5, 1e-9);
  EXPECT_NEAR(recorder.ClassUtilisation(0), 26 / 65.5, 1e-12);
  EXPECT_NEAR(recorder.LinkUtilisation(Direction::kUp), (4 + 2 + 2 + 0.5) / 65.5, 1e-12);
  EXPECT_NEAR(recorder.LinkUtilisation(Direction::kDown), 2 / 65.5, 1e-12);
  EXPECT_NEAR(recorder.StageUtilisation(0), (8 + 6 + 3) / 65.5, 1e-12);
  EXPECT_NEAR(recorder.StageUtilisation(1), (8 + 6 + 3) / 65.5, 1e-12);
}

TEST(RecorderTest, UtilisationIsTheMeanOverAClass) {
  RecorderOptions options = OneDevice();
  options.class_of_device = {0, 0};
  options.replicas = 2;
  Recorder recorder(options);
  Play(LifeOfOneRequest(), recorder);
  EXPECT_NEAR(recorder.ClassUtilisation(0), 13 / 65.5, 1e-12);
  EXPECT_NEAR(recorder.LinkUtilisation(Direction::kDown), 1 / 65.5, 1e-12);
  EXPECT_NEAR(recorder.StageUtilisation(0), 8.5 / 65.5, 1e-12);
}

TEST(RecorderTest, BatchesAndStagesHaveMeanAndDeviation) {
  Recorder recorder(OneDevice());
  Play(LifeOfOneRequest(), recorder);
  EXPECT_EQ(recorder.batch_tokens().count(), 3);  // of 2, 1, 2 tokens
  EXPECT_NEAR(recorder.batch_tokens().mean(), 5 / 3.0, 1e-12);
  EXPECT_NEAR(recorder.batch_tokens().std(), std::sqrt(1 / 3.0), 1e-12);
  EXPECT_EQ(recorder.stage_s().count(), 6);  // 8 6 8 6 3 3 ms
  EXPECT_NEAR(recorder.stage_s().mean() * 1e3, 34 / 6.0, 1e-9);
  EXPECT_EQ(recorder.batch_tokens().max(), 2);
  EXPECT_NEAR(recorder.stage_s().max() * 1e3, 8, 1e-9);
}

TEST(RecorderTest, WarmUpIsOutsideTheWindow) {
  RecorderOptions options = OneDevice();
  options.warmup_requests = 1;
  Recorder alone(OneDevice());
  Recorder behind_warmup(options);
  Play(LifeOfOneRequest(), alone);
  Play(Shifted(0, 0), behind_warmup);
  EXPECT_FALSE(behind_warmup.window_start().IsFinite());
  EXPECT_EQ(behind_warmup.window(), Seconds());
  EXPECT_EQ(behind_warmup.ClassUtilisation(0), 0);
  Play(Shifted(1, 100), behind_warmup);
  EXPECT_NEAR(behind_warmup.window() / alone.window(), 1, 1e-12);
  EXPECT_NEAR(behind_warmup.ClassUtilisation(0), alone.ClassUtilisation(0), 1e-12);
  EXPECT_EQ(behind_warmup.window_tokens(), 3);
  EXPECT_EQ(behind_warmup.batch_tokens().count(), 3);
  EXPECT_EQ(behind_warmup.total_rounds(), 2);
}

// An operation that began before the window counts with what lies in it.
TEST(RecorderTest, WindowCutsOperations) {
  RecorderOptions options = OneDevice();
  options.warmup_requests = 1;
  Recorder recorder(options);
  recorder.OnArrival({0, 0, 0, Ms(0), 1, 1});
  recorder.OnArrival({1, 0, 0, Ms(6), 1, 1});
  recorder.OnDeviceOp(Op(0, DeviceOp::kInput, 1, 0, SpanMs(0, 0, 10)));
  EXPECT_NEAR(recorder.ClassUtilisation(0), 1, 1e-12);
  recorder.OnDeviceOp(Op(1, DeviceOp::kInput, 1, 0, SpanMs(6, 12, 14)));
  EXPECT_NEAR(recorder.ClassUtilisation(0), 6 / 8.0, 1e-12);
}

TEST(RecorderTest, WhatRunsAsAPartOfAnotherOperationKeepsTheGpuBusyOnce) {
  Recorder recorder(OneDevice());
  recorder.OnArrival({0, 0, 0, Ms(0), 1, 1});
  recorder.OnDeviceOp(Op(0, DeviceOp::kDraft, 1, 1, SpanMs(0, 0, 3)));
  Span joined = SpanMs(0, 0, 3);
  joined.is_joined = true;
  recorder.OnDeviceOp(Op(0, DeviceOp::kDraft, 1, 1, joined));
  recorder.OnTokens(0, 1, Ms(10));
  EXPECT_NEAR(recorder.ClassUtilisation(0), 0.3, 1e-12);
}

// The GPU of the first class works for 8 of the 10 ms between arrivals, in an operation that ends
// later; then the run drains.
TEST(RecorderTest, BusiestResourceIsSeenUntilTheLastArrival) {
  RecorderOptions options = OneDevice();
  options.classes = {"jetson", "idle"};
  options.class_of_device = {0, 1};
  Recorder recorder(options);
  EXPECT_EQ(recorder.BusiestUntilLastArrival(), 0);
  recorder.OnArrival({0, 0, 0, Ms(0), 1, 1});
  EXPECT_EQ(recorder.BusiestUntilLastArrival(), 0);
  recorder.OnDeviceOp(Op(0, DeviceOp::kInput, 1, 0, SpanMs(0, 0, 3)));
  recorder.OnArrival({1, 0, 0, Ms(10), 1, 1});
  recorder.OnDeviceOp(Op(0, DeviceOp::kInput, 1, 0, SpanMs(5, 5, 12)));
  recorder.OnDeviceOp(Op(1, DeviceOp::kInput, 1, 0, SpanMs(12, 12, 20)));
  recorder.OnTokens(1, 1, Ms(90));
  EXPECT_NEAR(recorder.BusiestUntilLastArrival(), 0.8, 1e-12);
  EXPECT_NEAR(recorder.ClassUtilisation(0), 18 / 90.0, 1e-12);
}

// All busy time is in some part of the run, and the parts are those of the whole run.
TEST(RecorderTest, PartsOfTheRunHoldItsUtilisation) {
  Recorder recorder(OneDevice());
  EXPECT_TRUE(recorder.UtilisationOverTime().empty());
  Play(Shifted(0, 1000), recorder);
  Play(Shifted(1, 9000), recorder);
  const auto bins = recorder.UtilisationOverTime();
  ASSERT_GT(bins.size(), BusyBins::kBins / 2);
  ASSERT_LE(bins.size(), BusyBins::kBins);
  EXPECT_EQ(bins[0].from, Seconds());
  EXPECT_NEAR(bins.back().to / recorder.window(), 1, 1e-12);
  std::vector<Seconds> busy(bins[0].utilisation.size());
  for (size_t i = 0; i < bins.size(); ++i) {
    EXPECT_EQ(bins[i].from, i == 0 ? Seconds() : bins[i - 1].to);
    for (size_t k = 0; k < busy.size(); ++k) {
      busy[k] += bins[i].utilisation[k] * (bins[i].to - bins[i].from);
    }
  }
  const double whole[] = {recorder.ClassUtilisation(0), recorder.LinkUtilisation(Direction::kUp),
                          recorder.LinkUtilisation(Direction::kDown), recorder.StageUtilisation(0),
                          recorder.StageUtilisation(1)};
  ASSERT_EQ(busy.size(), std::size(whole));
  for (size_t k = 0; k < busy.size(); ++k) {
    EXPECT_NEAR(busy[k] / recorder.window() / whole[k], 1, 1e-9) << k;
  }
  EXPECT_GT(bins[0].utilisation[0], 0);
  EXPECT_EQ(bins[bins.size() / 2].utilisation[0], 0);
  EXPECT_GT(bins.back().utilisation[0], 0);
}

TEST(RecorderTest, ArrivalsCountWhatTheyFind) {
  Recorder recorder(OneDevice());
  Play(Shifted(0, 0), recorder);
  recorder.OnArrival({1, 0, 0, Ms(100), 1, 1});
  recorder.OnArrival({2, 0, 0, Ms(101), 1, 1});
  EXPECT_EQ(recorder.rows()[0].found, 0);
  EXPECT_EQ(recorder.rows()[1].found, 0);
  EXPECT_EQ(recorder.rows()[2].found, 1);
}

TEST(RecorderTest, InterleavedRequestsKeepTheirOwnPaths) {
  Recorder recorder(OneDevice());
  const EventLog first = Shifted(0, 0);
  const EventLog second = Shifted(1, 7);
  for (size_t i = 0; i < first.size(); ++i) {
    Play({first[i]}, recorder);
    Play({second[i]}, recorder);
  }
  for (const TtftPartField& part : TtftPartFields()) {
    EXPECT_NEAR(ToMilliseconds(recorder.rows()[0].parts.*part.field),
                ToMilliseconds(recorder.rows()[1].parts.*part.field), 1e-9)
        << part.name;
  }
}

TEST(RecorderTest, FailedRequestIsMarked) {
  Recorder recorder(OneDevice());
  recorder.OnArrival({0, 0, 0, Ms(0), 1, 5});
  recorder.OnEnd(0, Outcome::kFailed, Ms(3));
  EXPECT_EQ(recorder.rows()[0].state, RequestRow::State::kFailed);
  EXPECT_EQ(recorder.rows()[0].tokens, 0);
}

TEST(RecorderTest, GapsAreKeptOnlyOnRequest) {
  RecorderOptions options = OneDevice();
  Recorder without(options);
  options.keep_gaps = true;
  Recorder with(options);
  Play(LifeOfOneRequest(), without);
  Play(LifeOfOneRequest(), with);
  EXPECT_TRUE(without.token_events().empty());
  ASSERT_EQ(with.token_events().size(), 2u);
  EXPECT_EQ(with.token_events()[1].count, 2);
}

}  // namespace
}  // namespace hat
