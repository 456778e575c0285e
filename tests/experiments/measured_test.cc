// The figures of measured requests against their definitions: runs made at random, every token's
// time kept, and each figure worked out from those.
#include "experiments/results/measured.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <optional>

#include "core/random.h"
#include "tests/experiments/event_log.h"

namespace hat {
namespace {

// Token times of one request, in ms, the first one's first; and how its rounds went.
struct Life {
  double arrival_ms = 0;
  std::vector<double> tokens_ms;
  int rounds = 0;
  bool is_completed = true;

  double e2e_ms() const { return tokens_ms.back() - arrival_ms; }
  double ttft_ms() const { return tokens_ms.front() - arrival_ms; }
};

// Deliveries of 1 to 5 tokens at random times; one request in ten is cut off.
class RandomRun {
 public:
  explicit RandomRun(int requests, int warmup = 0) {
    RecorderOptions options;
    options.classes = {"device"};
    options.class_of_device = {0};
    options.warmup_requests = warmup;
    recorder_.emplace(options);
    for (int id = 0; id < requests; ++id) Play(id);
  }

  const Recorder& recorder() const { return *recorder_; }
  const std::vector<Life>& lives() const { return lives_; }

 private:
  int Draw(int below) { return stream_.UniformInt(below); }

  void Play(int id) {
    Life life;
    life.arrival_ms = 10 * id;
    life.is_completed = Draw(10) > 0;
    double now_ms = life.arrival_ms + 1 + 50 * stream_.Uniform();
    recorder_->OnArrival({id, 0, 0, Ms(life.arrival_ms), 4, 100});
    Deliver(life, id, 1, now_ms);
    for (int left = Draw(20); left > 0; --left) {
      now_ms += Draw(4) == 0 ? 0 : 30 * stream_.Uniform();
      const int accepted = Draw(5);
      recorder_->OnRound({id, accepted + Draw(3), accepted, 0, 0, Ms(now_ms)});
      ++life.rounds;
      Deliver(life, id, 1 + accepted, now_ms);
    }
    recorder_->OnEnd(id, life.is_completed ? Outcome::kCompleted : Outcome::kFailed, Ms(now_ms));
    lives_.push_back(life);
  }

  void Deliver(Life& life, int id, int count, double at_ms) {
    recorder_->OnTokens(id, count, Ms(at_ms));
    life.tokens_ms.insert(life.tokens_ms.end(), static_cast<size_t>(count), at_ms);
  }

  RngStream stream_{7, "lives"};
  std::optional<Recorder> recorder_;
  std::vector<Life> lives_;
};

std::vector<double> TokenGaps(const std::vector<Life>& lives, int warmup = 0) {
  std::vector<double> gaps_ms;
  for (size_t i = static_cast<size_t>(warmup); i < lives.size(); ++i) {
    const std::vector<double>& times = lives[i].tokens_ms;
    if (!lives[i].is_completed) continue;
    for (size_t t = 1; t < times.size(); ++t) gaps_ms.push_back(times[t] - times[t - 1]);
  }
  return gaps_ms;
}

void ExpectSame(const Distribution& actual, std::vector<double> values) {
  ASSERT_EQ(actual.count, static_cast<int64_t>(values.size()));
  std::sort(values.begin(), values.end());
  const double sum = std::accumulate(values.begin(), values.end(), 0.0);
  EXPECT_NEAR(actual.mean, sum / static_cast<double>(values.size()), 1e-9);
  for (size_t i = 0; i < kPercentiles.size(); ++i) {
    EXPECT_NEAR(actual.percentiles[i], Percentile(values, kPercentiles[i].q), 1e-9)
        << kPercentiles[i].name;
  }
}

TEST(MeasuredTest, TokenGapsAreThoseOfEveryTokenZerosAndAll) {
  const RandomRun run(300);
  ExpectSame(MeasuredOf(run.recorder()).itl_ms, TokenGaps(run.lives()));
}

TEST(MeasuredTest, WarmUpAndFailuresAreLeftOutOfTheGaps) {
  const RandomRun run(300, 100);
  const Measured measured = MeasuredOf(run.recorder());
  ExpectSame(measured.itl_ms, TokenGaps(run.lives(), 100));
  EXPECT_EQ(measured.round_gap_ms.count, measured.rounds);
  EXPECT_LT(measured.rounds, run.recorder().total_rounds());
}

// All that lies between a request's first token and its last.
TEST(MeasuredTest, GapsAddUpToE2eWithoutTtft) {
  const RandomRun run(300);
  const Measured measured = MeasuredOf(run.recorder());
  double sum_ms = 0;
  for (const RequestRow* row : measured.rows) sum_ms += ToMilliseconds(row->E2e() - row->Ttft());
  const auto sum_of = [](const Distribution& gaps) {
    return gaps.mean * static_cast<double>(gaps.count);
  };
  EXPECT_GT(sum_ms, 1000);
  EXPECT_NEAR(sum_of(measured.itl_ms), sum_ms, 1e-6);
  EXPECT_NEAR(sum_of(measured.round_gap_ms), sum_ms, 1e-6);
  EXPECT_EQ(measured.itl_ms.count, measured.later_tokens());
}

TEST(MeasuredTest, EveryRequestsTimesAreItsTokens) {
  const RandomRun run(300);
  const Measured measured = MeasuredOf(run.recorder());
  std::vector<double> tpot_ms, ntpot_ms;
  for (const Life& life : run.lives()) {
    if (!life.is_completed) continue;
    const auto tokens = static_cast<double>(life.tokens_ms.size());
    ntpot_ms.push_back(life.e2e_ms() / tokens);
    if (tokens > 1) tpot_ms.push_back((life.e2e_ms() - life.ttft_ms()) / (tokens - 1));
  }
  ExpectSame(measured.tbt_ms, tpot_ms);
  ExpectSame(measured.ntpot_ms, ntpot_ms);
}

TEST(MeasuredTest, TheHistogramHoldsTheMeasuredRounds) {
  const RandomRun run(300, 100);
  const Measured measured = MeasuredOf(run.recorder());
  const DraftCounts& counts = run.recorder().draft_counts();
  int64_t rounds = 0, accepted = 0;
  for (size_t a = 0; a < counts.by_accepted().size(); ++a) {
    rounds += counts.by_accepted()[a];
    accepted += static_cast<int64_t>(a) * counts.by_accepted()[a];
  }
  EXPECT_GT(rounds, 500);
  EXPECT_EQ(rounds, measured.rounds);
  EXPECT_EQ(accepted, measured.accepted);
  const std::vector<int64_t> drafted = counts.DraftedAt();
  EXPECT_EQ(std::accumulate(drafted.begin(), drafted.end(), int64_t{0}), measured.drafted);
}

// As where the cloud drafts: a round is told before its tokens, and before the first token.
TEST(MeasuredTest, ARoundBeforeTheFirstTokenCounts) {
  RecorderOptions options;
  options.classes = {"device"};
  options.class_of_device = {0};
  Recorder recorder(options);
  recorder.OnArrival({0, 0, 0, Ms(0), 4, 3});
  recorder.OnRound({0, 1, 1, 0, 0, Ms(5)});
  recorder.OnTokens(0, 1, Ms(6));
  recorder.OnTokens(0, 2, Ms(9));
  recorder.OnEnd(0, Outcome::kCompleted, Ms(9));
  const Measured measured = MeasuredOf(recorder);
  EXPECT_EQ(recorder.draft_counts().by_accepted(), (std::vector<int64_t>{0, 1}));
  EXPECT_EQ(measured.round_gap_ms.count, 1);
  EXPECT_NEAR(measured.round_gap_ms.mean, 3, 1e-9);
  EXPECT_NEAR(measured.itl_ms.mean, 1.5, 1e-9);
}

// A round of a request that is over, as where its device went away, is not the next one's.
TEST(MeasuredTest, ARoundAfterTheEndIsNobodys) {
  RecorderOptions options;
  options.classes = {"device"};
  options.class_of_device = {0};
  Recorder recorder(options);
  for (int id = 0; id < 2; ++id) {
    recorder.OnArrival({id, 0, 0, Ms(10 * id), 4, 3});
    recorder.OnTokens(id, 1, Ms(10 * id + 1));
    recorder.OnRound({id, 1, 1, 0, 0, Ms(10 * id + 2)});
    if (id == 1) recorder.OnRound({0, 3, 3, 0, 0, Ms(12)});
    recorder.OnTokens(id, 2, Ms(10 * id + 2));
    recorder.OnEnd(id, Outcome::kCompleted, Ms(10 * id + 2));
  }
  EXPECT_EQ(recorder.draft_counts().by_accepted(), (std::vector<int64_t>{0, 2}));
  EXPECT_EQ(MeasuredOf(recorder).round_gap_ms.count, 2);
}

// u-medusa's proposals are nodes; a position is a depth: nodes of depths 1, 1, 2.
TEST(MeasuredTest, ATreesPositionsAreDepths) {
  RecorderOptions options;
  options.classes = {"device"};
  options.class_of_device = {0};
  options.draft_depths = {0, 1, 1, 2};
  Recorder recorder(options);
  recorder.OnArrival({0, 0, 0, Ms(0), 4, 5});
  recorder.OnTokens(0, 1, Ms(1));
  recorder.OnRound({0, 3, 2, 0, 0, Ms(2)});
  recorder.OnTokens(0, 3, Ms(2));
  recorder.OnRound({0, 2, 0, 0, 0, Ms(3)});
  recorder.OnTokens(0, 1, Ms(3));
  recorder.OnEnd(0, Outcome::kCompleted, Ms(3));
  EXPECT_EQ(recorder.draft_counts().DraftedAt(), (std::vector<int64_t>{2, 1}));
  EXPECT_EQ(recorder.draft_counts().AcceptedAt(), (std::vector<int64_t>{1, 1}));
}

// Prefill frames, the answer to them and Close carry no round. Of the life: 64 + 2 x 8 bytes up
// and down.
TEST(MeasuredTest, DecodeBytesAreThoseOfRounds) {
  RecorderOptions options;
  options.classes = {"device"};
  options.class_of_device = {0};
  options.stages = 2;
  Recorder recorder(options);
  Play(LifeOfOneRequest(), recorder);
  const Measured measured = MeasuredOf(recorder);
  EXPECT_EQ(measured.decode_bytes_up, Bytes(80));
  EXPECT_EQ(measured.decode_bytes_down, Bytes(80));
  EXPECT_EQ(measured.bytes_up, Bytes(296));
}

// Where the cloud has the head: the first raw token belongs to the TTFT.
TEST(MeasuredTest, TheFirstRawTokenIsNoRounds) {
  RecorderOptions options;
  options.classes = {"device"};
  options.class_of_device = {0};
  Recorder recorder(options);
  recorder.OnArrival({0, 0, 0, Ms(0), 4, 2});
  recorder.OnFrame(FrameOf(0, Direction::kDown, FrameKind::kRawToken, 3, 1, {1, 1, 1, 1}));
  recorder.OnTokens(0, 1, Ms(1));
  recorder.OnFrame(FrameOf(0, Direction::kDown, FrameKind::kRawToken, 4, 1, {2, 2, 2, 2}));
  recorder.OnTokens(0, 1, Ms(2));
  recorder.OnEnd(0, Outcome::kCompleted, Ms(2));
  const Measured measured = MeasuredOf(recorder);
  EXPECT_EQ(measured.bytes_down, Bytes(136));
  EXPECT_EQ(measured.decode_bytes_down, Bytes(68));
}

}  // namespace
}  // namespace hat
