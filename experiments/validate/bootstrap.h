// How far a figure of one world is from that of the other, and how well that is known: a paired
// bootstrap. What is drawn anew, with replacement, is the unit that both worlds share (a request;
// or, for batches, a stretch of the run), with all of its values on both sides, so that what the
// two have in common cancels. Percentile method (Efron and Tibshirani 1993, chapter 13): of
// kResamples resamples the 2.5th and the 97.5th percentile. The draws are those of one stream, the
// same in every call, so the same samples give the same interval.
//
// Worked number: simulated {11, 22, 33} and live {10, 20, 30} ms are 10% apart at the mean and at
// every percentile, whatever is drawn: the interval is 10% to 10%.
#pragma once

#include <array>
#include <limits>
#include <optional>
#include <string_view>
#include <vector>

namespace hat {

inline constexpr int kResamples = 1000;

// The figures that two worlds are compared by.
struct ValidatedStatistic {
  std::string_view name;
  std::optional<double> q;  // the percentile's; nothing: the mean
};
inline constexpr std::array<ValidatedStatistic, 4> kValidatedStatistics = {
    {{"mean", std::nullopt}, {"p50", 0.5}, {"p90", 0.9}, {"p99", 0.99}}};

struct UnitSample {
  int unit = 0;  // 0 .. PairedSamples::units - 1
  double value = 0;
  double weight = 1;  // of the value in the mean; percentiles count samples
};

// A unit may have several values on a side, or none.
struct PairedSamples {
  int units = 0;
  std::vector<UnitSample> simulated, live;

  void Add(const PairedSamples& more);  // units of its own
};

// NaN where nothing tells.
struct Bounds {
  double low = std::numeric_limits<double>::quiet_NaN();
  double high = std::numeric_limits<double>::quiet_NaN();
};

// One figure in both worlds; NaN where it was not measured.
struct FigurePair {
  double simulated = std::numeric_limits<double>::quiet_NaN();
  double live = std::numeric_limits<double>::quiet_NaN();
  Bounds difference_bounds;  // 95%; of fewer than two units there are none
  Bounds error_bounds;

  double difference() const { return simulated - live; }
  // 100 (simulated / live - 1): above 0 where the simulation takes longer than what it predicts.
  double error_percent() const { return live == 0 ? kNone : 100 * (simulated / live - 1); }

 private:
  static constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
};

using FigurePairs = std::array<FigurePair, kValidatedStatistics.size()>;

FigurePairs CompareWorlds(const PairedSamples& samples);

}  // namespace hat
