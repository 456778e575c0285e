#include "experiments/results/saturation.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <queue>
#include <vector>

#include "core/random.h"

namespace hat {
namespace {

RequestRow Row(double arrival_s, double ended_s, int found) {
  RequestRow row;
  row.state = RequestRow::State::kCompleted;
  row.request.arrival = Seconds(arrival_s);
  row.ended = Seconds(ended_s);
  row.found = found;
  return row;
}

// An M/M/1 queue with mean service 1 s; the first tenth is warm-up.
bool MM1IsSaturated(double rho, uint64_t seed, int requests) {
  RngStream arrivals(seed, "arrivals");
  RngStream services(seed, "services");
  double now = 0, free = 0;
  std::queue<double> ends;
  std::vector<RequestRow> rows;
  for (int i = 0; i < requests * 11 / 10; ++i) {
    now += arrivals.Exponential(1 / rho);
    while (!ends.empty() && ends.front() <= now) ends.pop();
    free = std::max(free, now) + services.Exponential(1);
    rows.push_back(Row(now, free, static_cast<int>(ends.size())));
    ends.push(free);
  }
  return IsSaturated(std::span(rows).last(static_cast<size_t>(requests)), Seconds(free), 0);
}

int SaturatedOf100(double rho, int requests) {
  int saturated = 0;
  for (uint64_t seed = 0; seed < 100; ++seed) saturated += MM1IsSaturated(rho, seed, requests);
  return saturated;
}

TEST(SaturationTest, HalfLoadedQueueNeverIs) { EXPECT_EQ(SaturatedOf100(0.5, 600), 0); }

TEST(SaturationTest, BusyQueueHardlyEverIs) {
  EXPECT_LE(SaturatedOf100(0.9, 600), 2);
  EXPECT_LE(SaturatedOf100(0.9, 2000), 1);
}

TEST(SaturationTest, OverloadedQueueIs) {
  EXPECT_GE(SaturatedOf100(1.2, 2000), 95);
  EXPECT_EQ(SaturatedOf100(1.5, 2000), 100);
}

// Every request stays for 100 s, so the system fills up for 100 s; the run takes 200 s.
TEST(SaturationTest, SystemThatFillsUpIsNot) {
  std::vector<RequestRow> rows;
  for (int i = 0; i < 200; ++i) rows.push_back(Row(i, i + 100, std::min(i, 100)));
  EXPECT_FALSE(IsSaturated(rows, Seconds(300), 0));
}

// The same, but on GPUs that never rest: nothing ends before the last request has come.
TEST(SaturationTest, SystemThatFillsUpWithABusyResourceIs) {
  std::vector<RequestRow> rows;
  for (int i = 0; i < 200; ++i) rows.push_back(Row(i, i + 500, i));
  EXPECT_FALSE(IsSaturated(rows, Seconds(700), 0.9));
  EXPECT_TRUE(IsSaturated(rows, Seconds(700), 0.98));
}

TEST(SaturationTest, SteadySystemWithABusyResourceIsNot) {
  std::vector<RequestRow> rows;
  for (int i = 0; i < 200; ++i) rows.push_back(Row(i, i + 5, 5));
  EXPECT_FALSE(IsSaturated(rows, Seconds(205), 1));
}

// Time is shared so far above capacity that nothing ends before arrivals do; first tokens come
// later and later.
TEST(SaturationTest, SharedSystemFarAboveItsCapacityIs) {
  std::vector<RequestRow> rows;
  for (int i = 0; i < 200; ++i) {
    rows.push_back(Row(i, 5000, i));
    rows.back().tokens = 1;
    rows.back().first_token = Seconds(i + 0.5 * i);
  }
  EXPECT_TRUE(IsSaturated(rows, Seconds(5000), 0));
}

// A run that was cut off long after the last arrival, with the later half still in flight.
TEST(SaturationTest, RequestsInFlightCountWithTheirAge) {
  std::vector<RequestRow> rows;
  for (int i = 0; i < 200; ++i) {
    rows.push_back(Row(i, i + 30, i));
    if (i >= 100) rows.back().state = RequestRow::State::kInFlight, rows.back().ended = Seconds();
  }
  EXPECT_TRUE(IsSaturated(rows, Seconds(1000), 0));
  EXPECT_FALSE(
      IsSaturated(rows, Seconds(200), 0));  // cut off early: they are as young as the others
}

TEST(SaturationTest, FewRequestsNeverAre) {
  std::vector<RequestRow> rows;
  for (int i = 0; i < kMinRequests - 1; ++i) rows.push_back(Row(i, 3.0 * i, i));
  EXPECT_FALSE(IsSaturated(rows, Seconds(200), 0));
}

}  // namespace
}  // namespace hat
