#include "runtime/pace/pace_tally.h"

#include <algorithm>
#include <cmath>

namespace hat {
namespace {

constexpr double kStepsPerOctave = 16;

void AddTo(PaceTally::Kind& sum, const PaceTally::Kind& more) {
  sum.operations += more.operations;
  sum.overruns += more.overruns;
  sum.largest = std::max(sum.largest, more.largest);
  sum.all += more.all;
  for (const auto& [step, operations] : more.slowdowns) sum.slowdowns[step] += operations;
}

}  // namespace

double PaceTally::Kind::SlowdownFor(double share) const {
  const double may_overrun = share * static_cast<double>(operations);
  double slower = 0;  // operations that need more than `step`
  for (auto it = slowdowns.rbegin(); it != slowdowns.rend(); ++it) {
    slower += static_cast<double>(it->second);
    if (slower > may_overrun) return std::exp2(it->first / kStepsPerOctave);
  }
  return 1;
}

void PaceTally::Add(const std::string& kind, Seconds pace, Seconds taken) {
  Kind one;
  one.operations = 1;
  if (taken > pace) {
    one.overruns = 1;
    one.largest = one.all = taken - pace;
    const double steps = std::ceil(kStepsPerOctave * std::log2(taken / pace));
    one.slowdowns[static_cast<int>(steps)] = 1;
  }
  const std::lock_guard lock(mutex_);
  AddTo(kinds_[kind], one);
}

std::map<std::string, PaceTally::Kind> PaceTally::kinds() const {
  const std::lock_guard lock(mutex_);
  return kinds_;
}

PaceTally::Kind PaceTally::total() const {
  const std::lock_guard lock(mutex_);
  Kind sum;
  for (const auto& [name, kind] : kinds_) AddTo(sum, kind);
  return sum;
}

}  // namespace hat
