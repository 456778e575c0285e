#include "core/random.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <numeric>
#include <set>
#include <string>

namespace hat {
namespace {

TEST(RandomTest, SameSeedAndNameGiveTheSameNumbers) {
  RngStream a(7, "arrivals");
  RngStream b(7, "arrivals");
  for (int i = 0; i < 100; ++i) ASSERT_EQ(a.NextBits(), b.NextBits());
}

// Written down once: a change here changes every result that was ever published with a seed.
TEST(RandomTest, TheSequenceIsPinned) {
  RngStream rng(1, "pinned");
  EXPECT_EQ(rng.NextBits(), 8880169153400924699u);
  EXPECT_EQ(rng.At(1, 2, 3, 4).NextBits(), 5359484947552515202u);
  EXPECT_EQ(RandomPermutation(RngStream(1, "pinned"), 6), (std::vector<int>{0, 4, 1, 5, 3, 2}));
}

TEST(RandomTest, SeedNameAndEachKeyMatter) {
  const RngStream base(7, "jitter");
  std::set<uint64_t> firsts;
  for (RngStream stream :
       {base, RngStream(8, "jitter"), RngStream(7, "jittes"), base.At(0), base.At(1), base.At(0, 1),
        base.At(0, 0, 1), base.At(0, 0, 0, 1), base.At(1, 0, 1), base.At(1).At(1)}) {
    firsts.insert(stream.NextBits());
  }
  EXPECT_EQ(firsts.size(), 10u);
}

TEST(RandomTest, KeyedStreamsDoNotDependOnTheOrderOfCalls) {
  RngStream used(7, "confidence");
  const RngStream fresh = used;
  for (int i = 0; i < 10; ++i) used.NextBits();
  const double late = used.At(3, 14).Uniform();
  const double other = used.At(2, 71).Uniform();
  EXPECT_EQ(fresh.At(2, 71).Uniform(), other);
  EXPECT_EQ(fresh.At(3, 14).Uniform(), late);
}

// Neighbouring keys (request 7 and 8) must not be correlated.
TEST(RandomTest, NeighbouringKeysAreUncorrelated) {
  const RngStream base(7, "confidence");
  const int n = 20000;
  double sum = 0;
  for (uint64_t i = 0; i < n; ++i) {
    sum += (base.At(i).Uniform() - 0.5) * (base.At(i + 1).Uniform() - 0.5);
  }
  EXPECT_LT(std::abs(sum / n) * 12, 4 / std::sqrt(n));
}

TEST(RandomTest, UniformIntIsUnbiasedWhereAModuloWouldNotBe) {
  RngStream rng(1, "int");
  const int n = 3 << 29;  // a 32-bit modulo would give the lower half twice as often
  int low = 0;
  for (int i = 0; i < 10000; ++i) {
    const int x = rng.UniformInt(n);
    ASSERT_TRUE(x >= 0 && x < n);
    low += x < n / 2;
  }
  EXPECT_NEAR(low, 5000, 4 * 50);
  EXPECT_EQ(rng.UniformInt(1), 0);
}

TEST(RandomTest, PermutationsHoldEachNumberOnceAndEveryOrderOccurs) {
  std::set<std::vector<int>> orders;
  for (uint64_t seed = 0; seed < 200; ++seed) {
    std::vector<int> order = RandomPermutation(RngStream(seed, "prompts"), 4);
    orders.insert(order);
    EXPECT_THAT(order, testing::UnorderedElementsAre(0, 1, 2, 3));
  }
  EXPECT_EQ(orders.size(), 24u);
  EXPECT_TRUE(RandomPermutation(RngStream(1, "prompts"), 0).empty());
}

}  // namespace
}  // namespace hat
