#include "experiments/watch/busy_bins.h"

#include <gtest/gtest.h>

#include <vector>

#include "core/random.h"

namespace hat {
namespace {

TEST(BusyBinsTest, AnOperationIsSharedOutOverTheBinsItLiesIn) {
  BusyBins bins(2);
  const Seconds width = bins.width();
  bins.Add(1, 0.75 * width, 3.5 * width);
  const double expected[] = {0.25, 1, 1, 0.5, 0};
  for (size_t bin = 0; bin < std::size(expected); ++bin) {
    EXPECT_DOUBLE_EQ(bins.Busy(1, bin) / width, expected[bin]) << bin;
    EXPECT_EQ(bins.Busy(0, bin), Seconds());
  }
}

TEST(BusyBinsTest, WhereTimeGoesOnTwoBinsBecomeOne) {
  BusyBins bins(2);
  const Seconds width = bins.width();
  bins.Add(0, Seconds(), width);
  bins.Add(1, 2.5 * width, 3 * width);
  const Seconds end = 128 * width;
  bins.Add(0, end - width, end);
  EXPECT_EQ(bins.width(), width) << "the last bin's end is in it";
  bins.Add(0, end, end + width);
  EXPECT_EQ(bins.width(), 2 * width);
  EXPECT_EQ(bins.Busy(0, 0), width);
  EXPECT_EQ(bins.Busy(1, 1), 0.5 * width);
  EXPECT_EQ(bins.Busy(0, 63), width);
  EXPECT_EQ(bins.Busy(0, 64), width);
}

// Random operations up to a million seconds, against the sum of their overlaps with each bin.
TEST(BusyBinsTest, BinsHoldTheOverlapsWhateverCameBefore) {
  RngStream stream(3, "operations");
  struct Operation {
    Seconds start, end;
  };
  std::vector<Operation> operations;
  BusyBins bins(1);
  for (double scale = 1e-3; scale < 1e6; scale *= 1.2) {
    const Seconds start(scale * stream.Uniform());
    operations.push_back({start, start + Seconds(scale * stream.Uniform())});
    bins.Add(0, operations.back().start, operations.back().end);
  }
  for (size_t bin = 0; bin < BusyBins::kBins; ++bin) {
    const Seconds from = static_cast<double>(bin) * bins.width(), to = from + bins.width();
    Seconds busy;
    for (const Operation& op : operations) {
      busy += std::max(std::min(op.end, to) - std::max(op.start, from), Seconds());
    }
    EXPECT_NEAR(bins.Busy(0, bin) / bins.width(), busy / bins.width(), 1e-9) << bin;
  }
}

}  // namespace
}  // namespace hat
