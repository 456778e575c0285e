#include "runtime/train/training.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <map>
#include <optional>

#include "core/error.h"
#include "runtime/train/training_state.h"

namespace hat {
namespace {

using Clock = std::chrono::steady_clock;
using Log = std::vector<std::pair<std::string, at::Tensor>>;

// Sums of what micro-batches report, by name, in the order of first mention.
class LogSums {
 public:
  void Add(const Log& log, double weight) {
    for (const auto& [name, value] : log) {
      const auto found = std::find_if(sums_.begin(), sums_.end(),
                                      [&](const auto& sum) { return sum.first == name; });
      if (found == sums_.end()) {
        sums_.emplace_back(name, value.to(at::kDouble) * weight);
      } else {
        found->second = found->second + value.to(at::kDouble) * weight;
      }
    }
  }
  std::vector<std::pair<std::string, double>> Values() const {
    std::vector<std::pair<std::string, double>> values;
    for (const auto& [name, sum] : sums_) values.emplace_back(name, sum.item<double>());
    return values;
  }

 private:
  Log sums_;
};

class Loop {
 public:
  Loop(Trainee& trainee, const TokenText& text, const TokenText& held_out,
       const TrainingOptions& options, std::string identity)
      : trainee_(trainee),
        held_out_(held_out),
        options_(options),
        identity_(std::move(identity)),
        sampler_(text, options.seed, options.has_fixed_windows),
        optimizer_(trainee.parameters(), options.optimizer) {
    sampler_.CheckLength(std::max(options.length, options.long_length));
    state_.log = "step,tokens,elapsed_s,measure,value\n";
  }

  void Resume(const std::string& path) {
    state_ = LoadTrainingState(path, identity_, trainee_.parameters(), optimizer_);
    start_ = Clock::now() - std::chrono::duration_cast<Clock::duration>(
                                std::chrono::duration<double>(state_.elapsed_s));
    saved_s_ = state_.elapsed_s;
  }
  void Save(const std::string& path) {
    state_.elapsed_s = ElapsedSeconds();
    SaveTrainingState(path, identity_, state_, trainee_.parameters(), optimizer_);
    saved_s_ = state_.elapsed_s;
  }

  bool IsDone() const { return Fraction() >= 1; }
  bool IsTimeToSave() const { return ElapsedSeconds() - saved_s_ >= options_.checkpoint_every_s; }

  void Step();
  void MeasureHeldOut();
  bool IsTimeToMeasure() const { return state_.step % options_.held_out_every_steps == 0; }

  TrainingProgress HowFar() const {
    return {
        {std::min(1.0, Fraction()), 1, true}, state_.step, state_.tokens, ElapsedSeconds(), loss_};
  }
  TrainingRun Result(bool is_interrupted) const {
    return {is_interrupted, HowFar(), state_.log, held_out_losses_};
  }

 private:
  double ElapsedSeconds() const {
    return std::chrono::duration<double>(Clock::now() - start_).count();
  }
  double Fraction() const {
    return options_.budget_s > 0
               ? ElapsedSeconds() / options_.budget_s
               : static_cast<double>(state_.step) / static_cast<double>(options_.steps);
  }
  void Record(const std::string& measure, double value) {
    state_.log += std::to_string(state_.step) + "," + std::to_string(state_.tokens) + "," +
                  NumberText(ElapsedSeconds()) + "," + measure + "," + NumberText(value) + "\n";
  }

  Trainee& trainee_;
  const TokenText& held_out_;
  const TrainingOptions& options_;
  std::string identity_;
  WindowSampler sampler_;
  Optimizer optimizer_;
  TrainingState state_;
  Clock::time_point start_ = Clock::now();
  double saved_s_ = 0;
  double loss_ = 0;
  std::vector<std::pair<std::string, double>> held_out_losses_;
};

void Loop::Step() {
  const double fraction = Fraction();
  const bool is_long = fraction >= 1 - options_.long_share;
  const int64_t length = is_long ? options_.long_length : options_.length;
  const int64_t rows = std::max<int64_t>(1, options_.batch_tokens / length);
  const int64_t rows_at_once = std::max<int64_t>(1, options_.micro_tokens / length);
  const int64_t first = state_.tokens / length;
  LogSums sums;
  at::Tensor total;
  for (int64_t row = 0; row < rows; row += rows_at_once) {
    const int64_t count = std::min(rows_at_once, rows - row);
    const double weight = static_cast<double>(count) / static_cast<double>(rows);
    const Trainee::Losses losses = trainee_.LossOf(sampler_.Batch(first + row, count, length),
                                                   sampler_.Numbers(first + row, count, length));
    at::Tensor loss = losses.total * weight;
    loss.backward();
    total = total.defined() ? total + loss.detach() : loss.detach();
    sums.Add(losses.log, weight);
  }
  const double rate = options_.schedule.Rate(state_.step, fraction);
  const double norm = optimizer_.Step(rate);
  loss_ = total.item<double>();
  ++state_.step;
  state_.tokens += rows * length;
  if (state_.step % options_.log_every_steps != 0) return;
  for (const auto& [name, value] : sums.Values()) Record("training " + name, value);
  Record("learning rate", rate);
  Record("gradient norm", norm);
}

void Loop::MeasureHeldOut() {
  held_out_losses_.clear();
  for (const Genre& genre : held_out_.genres) {
    for (const auto& [name, value] : HeldOutLosses(trainee_, genre, options_)) {
      const std::string measure = "held-out " + name + " (" + genre.name + ")";
      Record(measure, value);
      held_out_losses_.emplace_back(measure, value);
    }
  }
}

}  // namespace

std::vector<std::pair<std::string, double>> HeldOutLosses(const Trainee& trainee,
                                                          const Genre& genre,
                                                          const TrainingOptions& options) {
  at::NoGradGuard no_gradient;
  const at::Tensor windows = SpreadWindows(genre, options.held_out_windows, options.length);
  const int64_t rows = windows.size(0);
  const int64_t rows_at_once = std::max<int64_t>(1, options.micro_tokens / options.length);
  LogSums sums;
  for (int64_t row = 0; row < rows; row += rows_at_once) {
    const int64_t count = std::min(rows_at_once, rows - row);
    sums.Add(trainee.Loss(windows.narrow(0, row, count)).log,
             static_cast<double>(count) / static_cast<double>(rows));
  }
  return sums.Values();
}

TrainingRun Train(Trainee& trainee, const TokenText& text, const TokenText& held_out,
                  const TrainingOptions& options, const std::string& checkpoint_path, bool resume,
                  const std::string& identity, const TrainingWatch& watch) {
  Loop loop(trainee, text, held_out, options, TrainingIdentity(options, text, identity));
  if (std::filesystem::exists(checkpoint_path)) {
    if (!resume) {
      throw InputError("'" + checkpoint_path +
                       "' is there from an earlier run; --resume goes on from it, or remove it");
    }
    loop.Resume(checkpoint_path);
  }
  bool is_done = loop.IsDone();
  bool goes_on = true;
  while (goes_on && !is_done) {
    loop.Step();
    is_done = loop.IsDone();
    if (is_done || loop.IsTimeToMeasure()) loop.MeasureHeldOut();
    goes_on = watch(loop.HowFar());
    if (!goes_on || is_done || loop.IsTimeToSave()) loop.Save(checkpoint_path);
  }
  return loop.Result(/*is_interrupted=*/!is_done);
}

}  // namespace hat
