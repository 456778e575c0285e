#include "core/units.h"

#include <gtest/gtest.h>

#include <concepts>

namespace hat {
namespace {

template <class A, class B>
concept Addable = requires(A a, B b) {
  a + b;
};
template <class A, class B>
concept Comparable = requires(A a, B b) {
  a < b;
};

TEST(UnitsTest, QuantitiesOfDifferentKindsDoNotMix) {
  static_assert(Addable<Bytes, Bytes> && Comparable<Seconds, Seconds>);
  static_assert(!Addable<Bytes, Seconds> && !Addable<Seconds, double>);
  static_assert(!Comparable<Bytes, Seconds> && !std::convertible_to<double, Seconds>);
  static_assert(!std::convertible_to<Seconds, double>);
}

TEST(UnitsTest, FiveMegabytesAtEightyMegabitsTakeHalfASecond) {
  EXPECT_DOUBLE_EQ((Bytes(5e6) / MegabitsPerSecond(80)).value(), 0.5);
}

TEST(UnitsTest, SizeRateAndTimeAreEachOthersQuotients) {
  const Bytes size(1e6);
  const BytesPerSecond rate(4e6);
  EXPECT_EQ(rate * (size / rate), size);
  EXPECT_EQ(size / Seconds(0.25), rate);
  EXPECT_DOUBLE_EQ((Flops(3e9) / FlopsPerSecond(1e9)).value(), 3);
}

TEST(UnitsTest, SmallerUnitsConvertBothWays) {
  EXPECT_DOUBLE_EQ(Milliseconds(250).value(), 0.25);
  EXPECT_DOUBLE_EQ(Microseconds(250).value(), 0.00025);
  EXPECT_DOUBLE_EQ(ToMilliseconds(Seconds(0.25)), 250);
  EXPECT_DOUBLE_EQ(ToMicroseconds(Milliseconds(1)), 1000);
  EXPECT_DOUBLE_EQ(ToMegabitsPerSecond(MegabitsPerSecond(10)), 10);
}

TEST(UnitsTest, ArithmeticKeepsTheKind) {
  Seconds t = Seconds(1) + Seconds(0.5) * 2 - Seconds(3) / 2;
  EXPECT_EQ(t, Seconds(0.5));
  t += Seconds(1);
  t -= Seconds(0.25);
  EXPECT_EQ(-t, Seconds(-1.25));
  EXPECT_EQ(Seconds(3) / Seconds(2), 1.5);
  EXPECT_LT(t, Seconds::Infinity());
  EXPECT_FALSE(Seconds::Infinity().IsFinite());
}

}  // namespace
}  // namespace hat
