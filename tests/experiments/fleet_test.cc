#include "experiments/scenario/fleet.h"

#include <gmock/gmock.h>

#include <array>

#include "core/files.h"
#include "tests/core/temp_folder.h"
#include "tests/experiments/scenario_text.h"

namespace hat {
namespace {

const char* const kSpecBench = "experiments/paper/spec_bench_7b.toml";

TEST(FleetTest, ClassesLieOneBehindTheOther) {
  const Fleet fleet(SmallScenario());
  EXPECT_EQ(fleet.size(), 30);
  EXPECT_EQ(fleet.class_of(0), 0);
  EXPECT_EQ(fleet.class_of(19), 0);
  EXPECT_EQ(fleet.class_of(20), 1);
  EXPECT_EQ(fleet.class_of(29), 1);
}

TEST(FleetTest, AClassThatScalingEmptiedIsSkipped) {
  const Fleet fleet(SmallScenario({"fleet.scale=0.001"}));
  EXPECT_EQ(fleet.size(), 1);
  EXPECT_EQ(fleet.class_of(0), 0);
}

TEST(FleetTest, ConstantRatesAreTheScenarios) {
  const Fleet fleet(SmallScenario());
  EXPECT_EQ(fleet.uplink(3).Mean(), BytesPerSecond(7.5e6));
  EXPECT_EQ(fleet.downlink(3).At(Seconds(9)), BytesPerSecond(12.5e6));
  EXPECT_EQ(fleet.uplink(3).curve(), nullptr);
  EXPECT_EQ(fleet.uplink(3).FinishTime(Seconds(1), Bytes(7.5e6)), Seconds(2));
}

TEST(FleetTest, ARadioIsEachLinksOwn) {
  const Fleet plain(SmallScenario()), fleet(SmallScenario({"link.radio.jitter_ms=5"}));
  const auto late = [&](const Fleet& of, Direction direction, int device) {
    FifoLink link = of.MakeLink(direction, device);
    FifoLink without = plain.MakeLink(direction, device);
    return (link.Send(Seconds(0), Bytes(1)).arrived - without.Send(Seconds(0), Bytes(1)).arrived)
        .value();
  };
  EXPECT_EQ(late(plain, Direction::kUp, 0), 0);
  EXPECT_GT(late(fleet, Direction::kUp, 0), 0);
  EXPECT_NE(late(fleet, Direction::kUp, 0), late(fleet, Direction::kDown, 0));
  EXPECT_NE(late(fleet, Direction::kUp, 0), late(fleet, Direction::kUp, 1));
  EXPECT_EQ(late(fleet, Direction::kUp, 1), late(fleet, Direction::kUp, 1));
}

// By default as Linux: 14,480 bytes at first, doubled each round trip; halved by a pause of 200 ms
// and a round trip.
TEST(FleetTest, ATcpWindowOpensOverRoundTripsOfTheLink) {
  const Fleet plain(SmallScenario({"link.latency_ms=40"}));
  const Fleet fleet(SmallScenario({"link.latency_ms=40", "link.tcp={}"}));
  FifoLink link = fleet.MakeLink(Direction::kUp, 0), without = plain.MakeLink(Direction::kUp, 0);
  const auto late_ms = [&](Seconds at) {
    return ToMilliseconds(link.Send(at, Bytes(14480 + 100)).left -
                          without.Send(at, Bytes(14480 + 100)).left);
  };
  EXPECT_NEAR(late_ms(Seconds(0)), 80 - ToMilliseconds(Bytes(14480) / fleet.uplink(0).Mean()),
              1e-6);
  EXPECT_NEAR(late_ms(Seconds(0.3)), 0, 1e-6);  // 28,960 are enough
  EXPECT_GT(late_ms(Seconds(0.3 + 0.4)), 1);    // halved
}

TEST(FleetTest, UniformRatesLieInTheirRangeAndDiffer) {
  const Fleet fleet(LoadScenario(kSpecBench, {"fleet.scale=100"}));
  double total = 0;
  for (int device = 0; device < fleet.size(); ++device) {
    const double rate = ToMegabitsPerSecond(fleet.uplink(device).Mean());
    EXPECT_GE(rate, 40);
    EXPECT_LT(rate, 80);
    total += rate;
  }
  EXPECT_NEAR(total / fleet.size(), 60, 4 * 40 / std::sqrt(12.0 * fleet.size()));
  EXPECT_NE(fleet.uplink(0).Mean(), fleet.uplink(1).Mean());
}

TEST(FleetTest, EverySystemGetsTheSameRates) {
  const Fleet hat(LoadScenario(kSpecBench));
  const Fleet u_shape(LoadScenario(kSpecBench, {"system.name=u-shape"}));
  for (int device = 0; device < hat.size(); ++device) {
    EXPECT_EQ(hat.uplink(device).Mean(), u_shape.uplink(device).Mean());
    EXPECT_EQ(hat.downlink(device).Mean(), u_shape.downlink(device).Mean());
  }
}

TEST(FleetTest, ALargerFleetBeginsWithTheSmallerOnesRates) {
  const Fleet few(LoadScenario(kSpecBench));
  const Fleet many(LoadScenario(kSpecBench, {"fleet.scale=10"}));
  for (int device = 0; device < few.size(); ++device)
    EXPECT_EQ(few.uplink(device).Mean(), many.uplink(device).Mean());
}

TEST(FleetTest, ADeviceEntersATraceAtItsOwnOffset) {
  const TempFolder folder;
  WriteFileAtomically(folder / "t.csv", "seconds,mbps\n0,8\n50,80\n");
  std::string text = SmallScenarioText();
  text.replace(text.find("rate_mbps = 60"), 14, "kind = \"trace\"\ntrace = \"t.csv\"");
  const Fleet fleet(ParseScenario(text, folder / "s.toml"));
  int slow = 0;
  for (int device = 0; device < 30; ++device) {
    const LinkRate& rate = fleet.uplink(device);
    EXPECT_EQ(rate.curve(), &rate);
    EXPECT_EQ(rate.At(Seconds(3)), rate.At(Seconds(103)));  // the period
    slow += rate.At(Seconds(0)) == MegabitsPerSecond(8);
    const Seconds instant = rate.FinishTime(Seconds(3), Bytes(1)) - Seconds(3);
    EXPECT_NEAR(instant.value(), 1 / rate.At(Seconds(3)).value(), 1e-9);
  }
  EXPECT_GT(slow, 5);
  EXPECT_LT(slow, 25);
}

TEST(FleetTest, PowerModesAdvanceEveryNRequests) {
  const Fleet fleet(LoadScenario(kSpecBench));  // 3 modes, n = 5
  EXPECT_EQ(fleet.PowerMode(0, 0), 0);
  EXPECT_EQ(fleet.PowerMode(0, 4), 0);
  EXPECT_EQ(fleet.PowerMode(0, 5), 1);
  EXPECT_EQ(fleet.PowerMode(0, 14), 2);
  EXPECT_EQ(fleet.PowerMode(0, 15), 0);
  EXPECT_EQ(Fleet(SmallScenario()).PowerMode(29, 1000), 0);  // a class with one mode
}

// By weights 4, 0, 1: whether one looks along a device's blocks or across devices.
TEST(FleetTest, WeightedPowerModesComeInTheirShares) {
  const Fleet fleet(LoadScenario(kSpecBench, {"fleet.class.0.mode_weights=[4, 0, 1]"}));
  std::array<int, 3> of_one{}, of_all{};
  for (int block = 0; block < 100; ++block) ++of_one[fleet.PowerMode(7, 5 * block)];
  for (int device = 0; device < 20; ++device) {
    for (int block = 0; block < 5; ++block) ++of_all[fleet.PowerMode(device, 5 * block + 4)];
  }
  for (const auto& counts : {of_one, of_all}) {
    EXPECT_NEAR(counts[0], 80, 3);
    EXPECT_EQ(counts[1], 0);
  }
  EXPECT_EQ(fleet.PowerMode(20, 5), 1);  // the other class has no weights
}

}  // namespace
}  // namespace hat
