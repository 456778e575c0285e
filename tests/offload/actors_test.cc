#include "offload/actors.h"

#include <gtest/gtest.h>

#include "tests/offload/networks.h"

namespace hat {
namespace {

// Words that are late, and nodes that act by turns: the same plan in the end as of all at once, up
// to a hundredth of its delay.
TEST(ActorsTest, NeighboursWordsAreEnough) {
  const OffloadNetwork network = JoinedNetwork(6, 1, {{4, 5, 2}, {3, 3, 3}, {2, 4}});
  const GoingOn going_on = {1, 0.7, 0.6, 0};
  ActorOptions options;
  options.offloading.rounds = 400;
  options.offloading.step = 0.5;
  const ActorRun run = RunActors(network, EvenPlan(network), going_on, options);
  const Offloading central = Offload(network, EvenPlan(network), going_on, {});
  const auto total = [&](const OffloadPlan& plan) {
    return Expect(network, plan, going_on, {}).total();
  };
  EXPECT_LT(total(run.plan), 1.01 * total(central.plan));
  // 6 devices to 3 nodes, these to 3, these to 2: 33 links, a word each way a round.
  EXPECT_EQ(run.messages, 400 * 2 * (18 + 9 + 6));
  EXPECT_LT(run.within_1pct_s, run.seconds);
}

}  // namespace
}  // namespace hat
