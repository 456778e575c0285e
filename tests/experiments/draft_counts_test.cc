#include "experiments/watch/draft_counts.h"

#include <gmock/gmock.h>

#include <numeric>

namespace hat {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

// The worked numbers of the header.
TEST(DraftCountsTest, PositionsAreReachedByDeepDraftsAndKeptByLongOnes) {
  DraftCounts counts;
  counts.Add(2, 2);
  counts.Add(2, 0);
  counts.Add(1, 1);
  EXPECT_THAT(counts.by_accepted(), ElementsAre(1, 1, 1));
  EXPECT_THAT(counts.DraftedAt(), ElementsAre(3, 2));
  EXPECT_THAT(counts.AcceptedAt(), ElementsAre(2, 1));
}

TEST(DraftCountsTest, AnEmptyDraftIsARoundWithoutPositions) {
  DraftCounts counts;
  EXPECT_THAT(counts.DraftedAt(), IsEmpty());
  EXPECT_THAT(counts.AcceptedAt(), IsEmpty());
  counts.Add(0, 0);
  EXPECT_THAT(counts.by_accepted(), ElementsAre(1));
  EXPECT_THAT(counts.DraftedAt(), IsEmpty());
}

TEST(DraftCountsTest, ADeepDraftOfWhichNothingIsKeptCountsAtEachPosition) {
  DraftCounts counts;
  counts.Add(3, 0);
  EXPECT_THAT(counts.DraftedAt(), ElementsAre(1, 1, 1));
  EXPECT_THAT(counts.AcceptedAt(), ElementsAre(0, 0, 0));
}

// Sums over positions are sums over rounds.
TEST(DraftCountsTest, SumsAreThoseOfTheRounds) {
  DraftCounts total;
  int64_t rounds = 0, drafted = 0, accepted = 0;
  for (int i = 0; i < 500; ++i) {
    const int depth = i * 7 % 9;
    const int kept = i * 5 % (depth + 1);
    total.Add(depth, kept);
    ++rounds, drafted += depth, accepted += kept;
  }
  const auto sum = [](const std::vector<int64_t>& counts) {
    return std::accumulate(counts.begin(), counts.end(), int64_t{0});
  };
  EXPECT_EQ(sum(total.by_accepted()), rounds);
  EXPECT_EQ(sum(total.DraftedAt()), drafted);
  EXPECT_EQ(sum(total.AcceptedAt()), accepted);
  for (size_t j = 0; j < total.DraftedAt().size(); ++j) {
    EXPECT_LE(total.AcceptedAt()[j], total.DraftedAt()[j]) << j;
  }
}

}  // namespace
}  // namespace hat
