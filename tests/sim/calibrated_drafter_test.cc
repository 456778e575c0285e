#include "sim/calibrated_drafter.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "experiments/results/statistics.h"
#include "tests/core/expect_error.h"
#include "tests/sim/child_run.h"
#include "tests/sim/toy.h"

namespace hat {
namespace {

using testing::AllOf;
using testing::HasSubstr;

Request RequestOf(int id) {
  Request request;
  request.id = id;
  request.prompt_tokens = 10;
  request.output_tokens = 1'000'000;
  return request;
}

TEST(CalibratedDrafterTest, WorkedNumbersOfTheHeader) {
  AcceptanceConfig config;
  config.reference.draft_threshold = 0;
  config.reference.max_draft = 2;
  EXPECT_NEAR(ExpectedAcceptLength(config, 0.5), 1.75, 1e-12);
  config.accept_length = 1.75;
  EXPECT_NEAR(CalibratedDrafter(config, 1).mean_confidence(), 0.5, 1e-9);
}

// Concentration 2 and mean 1/2 is the uniform distribution: q = E[c; c >= t] = (1 - t^2) / 2.
TEST(CalibratedDrafterTest, AThresholdCutsTheUniformDistributionByHand) {
  AcceptanceConfig config;
  config.reference.draft_threshold = 0.6;
  config.reference.max_draft = 3;
  const double q = (1 - 0.36) / 2;
  EXPECT_NEAR(ExpectedAcceptLength(config, 0.5), 1 + q + q * q + q * q * q, 1e-12);
}

TEST(CalibratedDrafterTest, RequestsThatDifferShareTheMomentsAndCorrelate) {
  AcceptanceConfig config;
  config.request_correlation = 0.3;
  const CalibratedDrafter drafter(config, 1);
  constexpr int kRequests = 4000, kTokens = 40;
  double sum = 0, squares = 0, products = 0;
  for (int id = 0; id < kRequests; ++id) {
    double of_request = 0, own_squares = 0;
    for (int token = 1; token <= kTokens; ++token) {
      const double c = drafter.Confidence(RequestOf(id), token, 1);
      of_request += c;
      own_squares += c * c;
    }
    sum += of_request;
    squares += own_squares;
    products += (of_request * of_request - own_squares) / (kTokens * (kTokens - 1));
  }
  const double mean = sum / (kRequests * kTokens);
  const double variance = squares / (kRequests * kTokens) - mean * mean;
  const double m = drafter.mean_confidence();
  EXPECT_NEAR(mean, m, 0.01);
  EXPECT_NEAR(variance, m * (1 - m) / 3, 0.003);
  EXPECT_NEAR((products / kRequests - mean * mean) / variance, 0.3, 0.03);
}

// Two kinds of requests, as good as always right and as good as never: with 2 proposals 3 tokens a
// round and 1.
TEST(CalibratedDrafterTest, TokensOverRoundsAreTheHarmonicMeanOfRequests) {
  AcceptanceConfig config;
  config.reference.draft_threshold = 0;
  config.reference.max_draft = 2;
  config.concentration = 1e-3;
  config.request_correlation = 0.99;
  EXPECT_NEAR(ExpectedAcceptLength(config, 0.5), 1.5, 0.02);
}

TEST(CalibratedDrafterTest, AFixedDraftYieldsAGeometricSum) {
  AcceptanceConfig config;
  config.policy = "fixed";
  config.reference.draft_fixed = 4;
  const double p = 0.7;
  EXPECT_NEAR(ExpectedAcceptLength(config, p), (1 - std::pow(p, 5)) / (1 - p), 1e-12);
}

TEST(CalibratedDrafterTest, MedusasTreeByHand) {
  const AcceptanceConfig config;  // r = 0.8, rank curve 0.26, 0.13, 0.065
  const double p = 0.6;
  // A chain of 2: p, then p (p r).
  EXPECT_NEAR(ExpectedTreeLength(config, FindTree("chain-2"), p), 1 + p + p * p * 0.8, 1e-12);
  // The top 3 of each of 4 heads below the likeliest path.
  double length = 1, reached = 1;
  for (int head = 0; head < 4; ++head) {
    const double hit = p * std::pow(0.8, head);
    length += reached * (hit + (1 - hit) * (0.26 + 0.13));
    reached *= hit;
  }
  EXPECT_NEAR(ExpectedTreeLength(config, FindTree("comb-3"), p), length, 1e-12);
}

TEST(CalibratedDrafterTest, AnAcceptLengthOutOfReachIsRefused) {
  AcceptanceConfig config;
  config.reference.draft_threshold = 1;  // nothing is ever sent
  EXPECT_INPUT_ERROR(
      CalibratedDrafter(config, 1),
      AllOf(HasSubstr("acceptance.accept_length"), HasSubstr("2.06"), HasSubstr("more than 1 ")));
  AcceptanceConfig medusa;
  medusa.medusa_ratio = 0.1;
  medusa.medusa_accept_length = 3;
  EXPECT_INPUT_ERROR(
      CalibratedDrafter(medusa, 1),
      AllOf(HasSubstr("acceptance.medusa_accept_length"), HasSubstr("more than 2.101 ")));
}

TEST(CalibratedDrafterTest, APolicyWithoutAClosedFormIsNoReference) {
  AcceptanceConfig config;
  config.policy = "contrarian";
  EXPECT_INPUT_ERROR(CalibratedDrafter(config, 1),
                     AllOf(HasSubstr("acceptance.policy"), HasSubstr("threshold, fixed")));
}

TEST(CalibratedDrafterTest, TheSmallestAcceptLengthDraftsNothingRight) {
  AcceptanceConfig config;
  config.accept_length = config.medusa_accept_length = 1;
  const CalibratedDrafter drafter(config, 1);
  for (int token = 1; token < 1000; ++token) {
    EXPECT_EQ(drafter.Confidence(RequestOf(0), token, 1), 0);
    EXPECT_GT(drafter.Rank(RequestOf(0), token, 1, 0), 1);
  }
}

// P(right | confidence c) = c, and ranks after the first follow the curve.
TEST(CalibratedDrafterTest, ConfidencesAreCalibrated) {
  const AcceptanceConfig config;
  const CalibratedDrafter drafter(config, 7);
  constexpr int kDraws = 200'000;
  std::array<int, 10> drawn{}, right{};
  std::array<int, 5> ranks{};
  double sum = 0;
  for (int token = 1; token <= kDraws; ++token) {
    const float confidence = drafter.Confidence(RequestOf(0), token, 1);
    const int rank = drafter.Rank(RequestOf(0), token, 1, confidence);
    const auto bin = std::min<size_t>(static_cast<size_t>(confidence * 10), 9);
    ++drawn[bin];
    right[bin] += rank == 1;
    sum += confidence;
    ++ranks[static_cast<size_t>(std::min(rank, 5)) - 1];
  }
  EXPECT_NEAR(sum / kDraws, drafter.mean_confidence(), 0.003);
  for (size_t bin = 0; bin < drawn.size(); ++bin) {
    const double share = static_cast<double>(right[bin]) / drawn[bin];
    const double middle = (static_cast<double>(bin) + 0.5) / 10;
    EXPECT_NEAR(share, middle, 0.02) << "confidence about " << middle;
  }
  const double misses = kDraws - ranks[0];
  EXPECT_NEAR(ranks[1] / misses, 0.26, 0.01);
  EXPECT_NEAR(ranks[2] / misses, 0.13, 0.01);
  EXPECT_NEAR(ranks[3] / misses, 0.065, 0.01);
}

TEST(CalibratedDrafterTest, AnswersDependOnTheQuestionNotOnTheOrder) {
  const AcceptanceConfig config;
  const CalibratedDrafter a(config, 1), b(config, 1), other(config, 2);
  const float first = a.Confidence(RequestOf(3), 5, 2);
  (void)b.MedusaRank(RequestOf(1), 1, 1);
  (void)b.Confidence(RequestOf(3), 5, 1);
  EXPECT_EQ(b.Confidence(RequestOf(3), 5, 2), first);
  EXPECT_NE(b.Confidence(RequestOf(4), 5, 2), first);
  EXPECT_NE(other.Confidence(RequestOf(3), 5, 2), first);
}

// -- in whole runs: rounds that the request's end does not cut

Estimate TokensARound(const WatchedRun& run, int longest_draft) {
  std::vector<double> of_requests;
  for (const RequestRow& row : run.rows) {
    int left = row.request.output_tokens - 1;
    double tokens = 0, rounds = 0;
    for (const RoundEvent& round : run.RoundsOf(row.request.id)) {
      if (left - 1 < longest_draft) break;
      tokens += round.accepted + 1;
      ++rounds;
      left -= round.accepted + 1;
    }
    of_requests.push_back(tokens / rounds);
  }
  return MeanWithInterval(of_requests);
}

WatchedRun RunOf(const std::string& system) {
  const Toy toy;
  return RunInChild(toy.Load({"system.name=" + system, "fleet.class.0.count=10",
                              "workload.requests=50", "workload.outputs.tokens=500"}));
}

TEST(CalibratedRunTest, HatReachesThePublishedAcceptLength) {
  const Estimate tokens = TokensARound(RunOf("hat"), 8);
  EXPECT_NEAR(tokens.mean, 2.06, tokens.half_width);
  EXPECT_LT(tokens.half_width, 0.04);
}

TEST(CalibratedRunTest, MedusaReachesThePublishedAcceptLength) {
  const Estimate tokens = TokensARound(RunOf("u-medusa"), 4);
  EXPECT_NEAR(tokens.mean, 1.89, tokens.half_width);
  EXPECT_LT(tokens.half_width, 0.04);
}

}  // namespace
}  // namespace hat
