#include "core/random.h"

#include <climits>
#include <cmath>
#include <numbers>
#include <numeric>
#include <utility>

#include "core/error.h"

namespace hat {
namespace {

constexpr uint64_t kGoldenGamma = 0x9e3779b97f4a7c15;

// SplitMix64's finaliser (Stafford's mix 13).
uint64_t Mix(uint64_t z) {
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

uint64_t Combine(uint64_t key, uint64_t value) {
  return Mix(Mix(key + kGoldenGamma) ^ Mix(value + 2 * kGoldenGamma));
}

// FNV-1a.
uint64_t HashName(std::string_view name) {
  uint64_t hash = 0xcbf29ce484222325;
  for (const char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  return hash;
}

// The logarithm of a draw from Gamma(shape, 1): it stays finite for tiny shapes, where the draw is
// 0.
double LogStandardGamma(RngStream& rng, double shape) {
  if (shape < 1) {
    return LogStandardGamma(rng, shape + 1) + std::log(1 - rng.Uniform()) / shape;
  }
  const double d = shape - 1.0 / 3;
  const double c = 1 / std::sqrt(9 * d);
  while (true) {
    const double x = rng.Normal();
    if (1 + c * x <= 0) continue;
    const double log_v = 3 * std::log1p(c * x);
    const double log_u = std::log(1 - rng.Uniform());
    if (log_u < 0.5 * x * x + d - d * std::exp(log_v) + d * log_v) return std::log(d) + log_v;
  }
}

}  // namespace

RngStream::RngStream(uint64_t seed, std::string_view name)
    : RngStream(Combine(seed, HashName(name))) {}

RngStream RngStream::At(uint64_t a, uint64_t b, uint64_t c, uint64_t d) const {
  return RngStream(Combine(Combine(Combine(Combine(key_, a), b), c), d));
}

uint64_t RngStream::NextBits() { return Mix(state_ += kGoldenGamma); }

double RngStream::Uniform() { return static_cast<double>(NextBits() >> 11) * 0x1p-53; }

double RngStream::Uniform(double low, double high) {
  HAT_CHECK(low <= high);
  const double x = low + (high - low) * Uniform();
  return x < high ? x : low;  // rounding may reach high
}

// Lemire 2019: the high half of a 128-bit product, rejecting the few products that would bias it.
int RngStream::UniformInt(int n) {
  HAT_CHECK(n > 0);
  const uint64_t range = static_cast<uint64_t>(n);
  const uint64_t threshold = -range % range;
  while (true) {
    __extension__ using Wide = unsigned __int128;
    const Wide product = static_cast<Wide>(NextBits()) * range;
    if (static_cast<uint64_t>(product) >= threshold) return static_cast<int>(product >> 64);
  }
}

double RngStream::Exponential(double mean) {
  HAT_CHECK(mean >= 0);
  return -mean * std::log(1 - Uniform());
}

// Box-Muller; the second number is thrown away, so that a stream has no hidden state.
double RngStream::Normal() {
  const double radius = std::sqrt(-2 * std::log(1 - Uniform()));
  return radius * std::cos(2 * std::numbers::pi * Uniform());
}

double RngStream::LogNormal(double mu, double sigma) {
  HAT_CHECK(sigma >= 0);
  return std::exp(mu + sigma * Normal());
}

double RngStream::Gamma(double shape, double scale) {
  HAT_CHECK(shape > 0 && scale >= 0);
  return scale * std::exp(LogStandardGamma(*this, shape));
}

double RngStream::Beta(double a, double b) {
  HAT_CHECK(a > 0 && b > 0);
  const double log_x = LogStandardGamma(*this, a);
  const double log_y = LogStandardGamma(*this, b);
  return 1 / (1 + std::exp(log_y - log_x));
}

int RngStream::Geometric(double mean) {
  HAT_CHECK(mean >= 1);
  if (mean == 1) return 1;
  const double failures = std::floor(std::log(1 - Uniform()) / std::log1p(-1 / mean));
  return failures < INT_MAX - 1 ? 1 + static_cast<int>(failures) : INT_MAX;
}

std::vector<int> RandomPermutation(RngStream stream, int n) {
  HAT_CHECK(n >= 0);
  std::vector<int> order(static_cast<size_t>(n));
  std::iota(order.begin(), order.end(), 0);
  for (int i = n - 1; i > 0; --i) {
    std::swap(order[static_cast<size_t>(i)], order[static_cast<size_t>(stream.UniformInt(i + 1))]);
  }
  return order;
}

}  // namespace hat
