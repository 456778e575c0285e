// A link's rate over time, from a file: a step function that repeats. Two formats, told apart by
// the first line:
//
//   CSV        columns seconds,mbps (others are ignored): the rate holds from its stamp to the next
//              one, the last as long as the one before it (1 s if it is alone); stamps ascend
//              strictly and count from the first
//   mahimahi   one whole number a line, the millisecond at which a 1500-byte packet may leave;
//              ascending, the last stamp is the period, so it must be above 0. Played as a rate a
//              millisecond: stamp k counts in (k - 1, k], stamps 0 and 1 in the first. (mahimahi
//              itself lets 1504 bytes go at once at each stamp, adds the last stamp to all of them
//              for the next round, and refuses a trace that ends at 0: src/frontend/link_queue.cc)
#pragma once

#include <string>
#include <vector>

#include "core/units.h"

namespace hat {

class RateTrace {
 public:
  // Throws InputError: unreadable, neither format, stamps that do not ascend, a rate below 0 or
  // above 1e6 Mb/s, nothing but rates of 0 or stamps of 0.
  static RateTrace Load(const std::string& path);
  static RateTrace Parse(const std::string& text, const std::string& name);

  Seconds period() const { return Seconds(starts_.back()); }
  BytesPerSecond At(Seconds t) const;  // t >= 0
  BytesPerSecond Mean() const { return Bytes(sent_.back()) / period(); }
  BytesPerSecond Peak() const;

  // For who follows the steps one by one: the rate at t >= 0 and until when it holds, at least 1
  // ns. A step that begins within 1 ns of t has begun.
  struct Hold {
    BytesPerSecond rate;
    Seconds until;
  };
  Hold HoldAt(Seconds t) const;

  // The earliest time at which `size` bytes are out that start to leave at `start`: the integral of
  // the rate from start to there is `size`. Closed form but for one binary search. start >= 0; size
  // 0 gives start.
  Seconds FinishTime(Seconds start, Bytes size) const;

 private:
  struct Step {
    double start_s;
    double bytes_per_s;
  };
  RateTrace(std::vector<Step> steps, double period_s);
  static RateTrace ParseCsv(const std::string& text, const std::string& name);
  static RateTrace ParseMahimahi(const std::string& text, const std::string& name);
  double SentBy(double phase_s) const;  // bytes from 0 to a phase in [0, period]

  std::vector<double> starts_;  // of each step, seconds, from 0; then the period
  std::vector<double> rates_;   // of each step, bytes/s
  std::vector<double> sent_;    // bytes by the start of each step; then by the period's end
};

}  // namespace hat
