#include "runtime/profile/warm_up.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

namespace hat {
namespace {

bool IsNeverLong(double) { return false; }

// Calls that take these times one after the other, the last one ever after; and how many were made.
struct Calls {
  std::vector<TimedCall> all;
  size_t made = 0;
  TimedCall operator()() { return all[std::min(made++, all.size() - 1)]; }
};

TEST(WarmUpTest, EndsWhenTwoCallsSpendTheSame) {
  Calls calls{{{9, 900}, {7, 700}, {5, 510}, {4, 500}, {3, 500}}};
  EXPECT_EQ(WarmUp([&] { return calls(); }, IsNeverLong).us, 4);
  EXPECT_EQ(calls.made, 4U);
}

// What is left of a call after a subtraction may be anything: what it spent counts.
TEST(WarmUpTest, TheTimeThatIsSpentCountsAndNotTheOperations) {
  Calls noisy{{{1, 500}, {9, 500}}};
  WarmUp([&] { return noisy(); }, IsNeverLong);
  EXPECT_EQ(noisy.made, 2U);
  Calls slow{{{1, 8000}, {1, 6000}, {1, 7000}, {1, 5000}, {1, 3000}}};
  WarmUp([&] { return slow(); }, IsNeverLong);
  EXPECT_EQ(slow.made, 3U) << "20 ms are enough";
}

TEST(WarmUpTest, OneCallIsEnoughWhereItIsLong) {
  Calls calls{{{1, 200e3}}};
  WarmUp([&] { return calls(); }, [](double us) { return us >= 100e3; });
  EXPECT_EQ(calls.made, 1U);
}

}  // namespace
}  // namespace hat
