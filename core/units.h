// Physical quantities as types: a Bytes plus a Seconds does not compile. Every quantity holds its
// SI base unit as a double (exact for whole bytes up to 2^53). Token counts are plain `int
// ..._tokens`.
#pragma once

#include <cmath>
#include <compare>
#include <limits>

namespace hat {

template <class Tag>
class Quantity {
 public:
  constexpr Quantity() = default;
  constexpr explicit Quantity(double value) : value_(value) {}

  // The number of base units: seconds, bytes, bytes per second, ...
  constexpr double value() const { return value_; }

  static constexpr Quantity Infinity() { return Quantity(std::numeric_limits<double>::infinity()); }
  bool IsFinite() const { return std::isfinite(value_); }

  constexpr auto operator<=>(const Quantity&) const = default;
  constexpr Quantity operator-() const { return Quantity(-value_); }
  constexpr Quantity& operator+=(Quantity other) { return value_ += other.value_, *this; }
  constexpr Quantity& operator-=(Quantity other) { return value_ -= other.value_, *this; }
  friend constexpr Quantity operator+(Quantity a, Quantity b) {
    return Quantity(a.value_ + b.value_);
  }
  friend constexpr Quantity operator-(Quantity a, Quantity b) {
    return Quantity(a.value_ - b.value_);
  }
  friend constexpr Quantity operator*(Quantity a, double k) { return Quantity(a.value_ * k); }
  friend constexpr Quantity operator*(double k, Quantity a) { return Quantity(k * a.value_); }
  friend constexpr Quantity operator/(Quantity a, double k) { return Quantity(a.value_ / k); }
  friend constexpr double operator/(Quantity a, Quantity b) { return a.value_ / b.value_; }

 private:
  double value_ = 0;
};

using Seconds = Quantity<struct SecondsTag>;
using Bytes = Quantity<struct BytesTag>;
using BytesPerSecond = Quantity<struct BytesPerSecondTag>;
using Flops = Quantity<struct FlopsTag>;  // a number of floating-point operations, not a rate
using FlopsPerSecond = Quantity<struct FlopsPerSecondTag>;

constexpr Seconds operator/(Bytes size, BytesPerSecond rate) {
  return Seconds(size.value() / rate.value());
}
constexpr BytesPerSecond operator/(Bytes size, Seconds time) {
  return BytesPerSecond(size.value() / time.value());
}
constexpr Bytes operator*(BytesPerSecond rate, Seconds time) {
  return Bytes(rate.value() * time.value());
}
constexpr Seconds operator/(Flops work, FlopsPerSecond rate) {
  return Seconds(work.value() / rate.value());
}

constexpr Seconds Milliseconds(double ms) { return Seconds(ms * 1e-3); }
constexpr Seconds Microseconds(double us) { return Seconds(us * 1e-6); }
constexpr double ToMilliseconds(Seconds t) { return t.value() * 1e3; }
constexpr double ToMicroseconds(Seconds t) { return t.value() * 1e6; }

// Bits exist only at the config border: 1 Mb/s is 125,000 bytes/s.
constexpr BytesPerSecond MegabitsPerSecond(double mbps) { return BytesPerSecond(mbps * 125e3); }
constexpr double ToMegabitsPerSecond(BytesPerSecond rate) { return rate.value() / 125e3; }

}  // namespace hat
