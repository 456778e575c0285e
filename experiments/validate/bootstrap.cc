#include "experiments/validate/bootstrap.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <utility>

#include "core/random.h"
#include "experiments/results/statistics.h"

namespace hat {
namespace {

constexpr uint64_t kSeed = 1;
constexpr size_t kStatistics = kValidatedStatistics.size();
using Figures = std::array<double, kStatistics>;

std::vector<UnitSample> Sorted(std::vector<UnitSample> samples) {
  std::ranges::stable_sort(samples, {}, &UnitSample::value);
  return samples;
}

// Of samples in ascending order, each as often as its unit counts. `values` is for use again.
Figures FiguresOf(const std::vector<UnitSample>& sorted, const std::vector<int>& counts,
                  std::vector<double>& values) {
  values.clear();
  double sum = 0, weight = 0;
  for (const UnitSample& sample : sorted) {
    const int count = counts[static_cast<size_t>(sample.unit)];
    values.insert(values.end(), static_cast<size_t>(count), sample.value);
    sum += count * sample.weight * sample.value;
    weight += count * sample.weight;
  }
  Figures figures;
  for (size_t i = 0; i < kStatistics; ++i) {
    const std::optional<double> q = kValidatedStatistics[i].q;
    figures[i] = values.empty() ? NAN : q ? Percentile(values, *q) : sum / weight;
  }
  return figures;
}

// How often each unit is drawn.
void Draw(RngStream stream, std::vector<int>& counts) {
  const int units = static_cast<int>(counts.size());
  std::ranges::fill(counts, 0);
  for (int i = 0; i < units; ++i) ++counts[static_cast<size_t>(stream.UniformInt(units))];
}

// Of the resamples that have the figure.
Bounds BoundsOf(std::vector<double> values) {
  std::erase_if(values, [](double value) { return !std::isfinite(value); });
  if (values.empty()) return {};
  std::ranges::sort(values);
  return {Percentile(values, 0.025), Percentile(values, 0.975)};
}

}  // namespace

void PairedSamples::Add(const PairedSamples& more) {
  const auto add = [this](const std::vector<UnitSample>& from, std::vector<UnitSample>& to) {
    for (UnitSample sample : from) {
      sample.unit += units;
      to.push_back(sample);
    }
  };
  add(more.simulated, simulated);
  add(more.live, live);
  units += more.units;
}

FigurePairs CompareWorlds(const PairedSamples& samples) {
  const std::vector<UnitSample> simulated = Sorted(samples.simulated), live = Sorted(samples.live);
  std::vector<int> counts(static_cast<size_t>(samples.units), 1);
  std::vector<double> values;
  const auto pairs = [&] {
    const Figures ours = FiguresOf(simulated, counts, values);
    const Figures theirs = FiguresOf(live, counts, values);
    FigurePairs result;
    for (size_t i = 0; i < kStatistics; ++i) {
      result[i].simulated = ours[i];
      result[i].live = theirs[i];
    }
    return result;
  };
  FigurePairs result = pairs();
  if (samples.units < 2) return result;
  std::array<std::vector<double>, kStatistics> differences, errors;
  const RngStream stream(kSeed, "validate/resamples");
  for (int resample = 0; resample < kResamples; ++resample) {
    Draw(stream.At(static_cast<uint64_t>(resample)), counts);
    const FigurePairs drawn = pairs();
    for (size_t i = 0; i < kStatistics; ++i) {
      differences[i].push_back(drawn[i].difference());
      errors[i].push_back(drawn[i].error_percent());
    }
  }
  for (size_t i = 0; i < kStatistics; ++i) {
    result[i].difference_bounds = BoundsOf(std::move(differences[i]));
    result[i].error_bounds = BoundsOf(std::move(errors[i]));
  }
  return result;
}

}  // namespace hat
