// Named random streams. A stream is (seed, name); a keyed stream adds up to four integers, so that
// a draw depends on *what* it is for (request 7, position 12) and never on when or in which order
// it is asked for. The distributions are our own: the standard library's differ between
// implementations.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace hat {

// A SplitMix64 sequence (Steele, Lea, Flood 2014): 64 bits of state, cheap to make and to copy.
class RngStream {
 public:
  RngStream(uint64_t seed, std::string_view name);

  // The stream of one thing within this one. Depends on this stream's seed and name, not on how
  // many numbers it gave.
  RngStream At(uint64_t a, uint64_t b = 0, uint64_t c = 0, uint64_t d = 0) const;

  uint64_t NextBits();
  double Uniform();                         // in [0, 1), 53 bits
  double Uniform(double low, double high);  // in [low, high)
  int UniformInt(int n);                    // in 0..n-1, unbiased; n > 0
  double Exponential(double mean);
  double Normal();                            // mean 0, standard deviation 1
  double LogNormal(double mu, double sigma);  // exp(mu + sigma * Normal())
  double Gamma(double shape, double scale);   // mean shape * scale (Marsaglia, Tsang 2000)
  double Beta(double a, double b);            // mean a / (a + b)
  int Geometric(double mean);  // on 1, 2, ...; P(n) = (1 - 1/mean)^(n-1) / mean; mean >= 1

 private:
  explicit RngStream(uint64_t key) : key_(key), state_(key) {}

  uint64_t key_;  // what At() derives from
  uint64_t state_;
};

// A random order of 0..n-1 (Fisher-Yates).
std::vector<int> RandomPermutation(RngStream stream, int n);

}  // namespace hat
