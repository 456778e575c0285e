#include "experiments/capacity/search.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include "core/error.h"

namespace hat {
namespace {

// Six digits: a rate that a user can type again, and the same on every machine.
double Rounded(double rate) { return std::stod(fmt::format("{:.6g}", rate)); }

}  // namespace

CapacitySearch::CapacitySearch(double start, double tolerance) : start_(start) {
  HAT_CHECK(start > 0 && tolerance > 0 && tolerance <= 1);
  while (std::exp2(1.0 / steps_) > 1 + tolerance) steps_ *= 2;
}

double CapacitySearch::RateAt(int step) const {
  return step == 0 ? start_ : Rounded(start_ * std::exp2(static_cast<double>(step) / steps_));
}

std::optional<int> CapacitySearch::NextStep() const {
  if (const std::optional<int> step = NextBracketStep()) return step;
  if (!holds_at_ || !fails_at_) return std::nullopt;
  const std::optional<int> low = NextEdgeStep(*holds_at_, true);
  return low ? low : NextEdgeStep(*fails_at_, false);
}

std::optional<int> CapacitySearch::NextBracketStep() const {
  if (!holds_at_ && !fails_at_) return 0;
  if (holds_at_ && fails_at_) {
    if (*fails_at_ - *holds_at_ == 1) return std::nullopt;
    return (*holds_at_ + *fails_at_) / 2;
  }
  const int step = holds_at_ ? *holds_at_ + steps_ : *fails_at_ - steps_;
  if (std::abs(step) > kMostDoublings * steps_) return std::nullopt;
  return step;
}

// Outwards from the bracket's side `inside`: distances count from there.
std::optional<int> CapacitySearch::NextEdgeStep(int inside, bool is_low) const {
  const int outwards = is_low ? -1 : 1;
  int doubtful = -1;        // the furthest trial that is not sure
  std::optional<int> sure;  // the nearest one beyond
  for (size_t i = 0; i < trials_.size(); ++i) {
    const bool is_sure = trials_[i].is_sure && trials_[i].holds == is_low;
    if (!is_sure) doubtful = std::max(doubtful, outwards * (steps_of_trials_[i] - inside));
  }
  if (doubtful < 0) return std::nullopt;
  for (const int step : steps_of_trials_) {
    const int distance = outwards * (step - inside);
    if (distance > doubtful) sure = std::min(sure.value_or(distance), distance);
  }
  if (!sure) {
    const int next = 2 * doubtful + 1;
    return next > steps_ ? std::nullopt : std::optional(inside + outwards * next);
  }
  if (*sure - doubtful <= std::max(1, doubtful / 2)) return std::nullopt;
  return inside + outwards * ((*sure + doubtful) / 2);
}

std::optional<double> CapacitySearch::Next() const {
  const std::optional<int> step = NextStep();
  return step ? std::optional(RateAt(*step)) : std::nullopt;
}

void CapacitySearch::Take(bool holds, bool is_sure) {
  const std::optional<int> step = NextStep();
  HAT_CHECK(step.has_value());
  const bool is_edge = !NextBracketStep();
  trials_.push_back({RateAt(*step), holds, is_sure});
  steps_of_trials_.push_back(*step);
  if (!is_edge) (holds ? holds_at_ : fails_at_) = step;
}

int CapacitySearch::ExpectedLeft() const {
  if (!Next()) return 0;
  const bool has_doubts =
      trials_.empty() || std::ranges::any_of(trials_, [](const Trial& t) { return !t.is_sure; });
  const int edges = has_doubts ? 3 : 0;  // a guess
  if (!NextBracketStep()) return edges;
  const bool is_bracketed = holds_at_ && fails_at_;
  const int width = is_bracketed ? *fails_at_ - *holds_at_ : steps_;
  return static_cast<int>(std::log2(width)) + (is_bracketed ? 0 : trials_.empty() ? 2 : 1) + edges;
}

std::optional<size_t> CapacitySearch::TrialAt(std::optional<int> step) const {
  if (!step) return std::nullopt;
  const auto trial = std::ranges::find(steps_of_trials_, *step);
  HAT_CHECK(trial != steps_of_trials_.end());
  return static_cast<size_t>(trial - steps_of_trials_.begin());
}

RateLimit CapacitySearch::Limit() const {
  HAT_CHECK(!Next());
  RateLimit limit;
  limit.kind = !holds_at_   ? RateLimit::Kind::kNeverHolds
               : !fails_at_ ? RateLimit::Kind::kAlwaysHolds
                            : RateLimit::Kind::kFound;
  if (holds_at_) limit.rate = RateAt(*holds_at_);
  std::vector<Trial> trials = trials_;
  std::ranges::sort(trials, {}, &Trial::rate);
  for (auto trial = trials.begin(); trial != trials.end() && trial->holds && trial->is_sure;
       ++trial) {
    limit.low = trial->rate;
  }
  for (auto trial = trials.rbegin(); trial != trials.rend() && !trial->holds && trial->is_sure;
       ++trial) {
    limit.high = trial->rate;
  }
  limit.is_limited_by_seeds =
      limit.low != limit.rate || (fails_at_ && limit.high != RateAt(*fails_at_));
  return limit;
}

}  // namespace hat
