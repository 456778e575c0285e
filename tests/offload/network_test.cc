#include "offload/network.h"

#include <gmock/gmock.h>

#include <algorithm>

#include "tests/core/expect_error.h"
#include "tests/offload/networks.h"

namespace hat {
namespace {

using testing::HasSubstr;

DrawnNetwork Drawn() {
  return {.devices = 20,
          .rate_low = 0.5,
          .rate_high = 1.5,
          .stages = {{"first", 6, 4, 8}, {"second", 4, 2, 9}},
          .degree = 2,
          .mbps_low = 20,
          .mbps_high = 100,
          .kilobytes = 4.6};
}

TEST(NetworkTest, ADrawnNetworkIsWholeAndTheSameForTheSameSeed) {
  for (uint64_t seed = 0; seed < 20; ++seed) {
    const OffloadNetwork network = DrawNetwork(Drawn(), {1, 0.5, 0}, 0, RngStream(seed, "network"));
    EXPECT_NO_THROW(CheckNetwork(network));
    EXPECT_EQ(network.stages[0].size(), 20u);
    const OffloadNetwork again = DrawNetwork(Drawn(), {1, 0.5, 0}, 0, RngStream(seed, "network"));
    EXPECT_EQ(network.stages[2][3].capacity, again.stages[2][3].capacity);
    for (const OffloadNode& node : network.stages[1]) {
      EXPECT_GE(node.capacity, 4);
      EXPECT_LE(node.capacity, 8);
      for (const OffloadLink& link : node.links) {
        EXPECT_GE(link.seconds, 4.6 * 8e-3 / 100);
        EXPECT_LE(link.seconds, 4.6 * 8e-3 / 20);
      }
    }
  }
}

TEST(NetworkTest, ALoadIsTheFullestStages) {
  const OffloadNetwork network = DrawNetwork(Drawn(), {1, 0.5, 0}, 0.7, RngStream(1, "network"));
  EXPECT_NEAR(LoadFactor(network, {1, 0.5, 0}), 0.7, 1e-12);
  EXPECT_NEAR(LoadFactor(JoinedNetwork(4, 1, {{4, 4}, {1, 1}}), {1, 0.25, 0}), 0.5, 1e-12);
}

TEST(NetworkTest, WhatCannotCarryTasksIsRefused) {
  const auto expect = [](const char* message, const auto& change) {
    OffloadNetwork network = JoinedNetwork(2, 1, {{2, 2}, {2}});
    change(network);
    EXPECT_INPUT_ERROR(CheckNetwork(network), HasSubstr(message));
  };
  expect("dead end", [](OffloadNetwork& n) { n.stages[1][0].links.clear(); });
  expect("no link leads to node 1 of stage 1", [](OffloadNetwork& n) {
    for (OffloadNode& device : n.stages[0]) device.links.resize(1);
  });
  expect("which has 1", [](OffloadNetwork& n) { n.stages[1][0].links[0].to = 3; });
  expect("capacity", [](OffloadNetwork& n) { n.stages[2][0].capacity = 0; });
  expect("rate must be", [](OffloadNetwork& n) { n.stages[0][1].rate = -1; });
  expect("must have no links", [](OffloadNetwork& n) { n.stages[2][0].links.push_back({0, 1}); });
  expect("at least one stage", [](OffloadNetwork& n) { n.stages.resize(1); });
}

}  // namespace
}  // namespace hat
