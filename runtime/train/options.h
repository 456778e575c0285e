// How a training run goes, and how far it came. Free of torch, so that programs can hold it.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "core/progress.h"
#include "runtime/train/schedule.h"

namespace hat {

struct OptimizerOptions {
  double beta1 = 0.9;
  double beta2 = 0.95;
  double epsilon = 1e-8;
  double weight_decay = 0.1;  // of matrices; vectors (norms, biases) never decay
  // Above 0, matrices of decoder layers take Muon's step (Jordan 2024: momentum 0.95, Nesterov,
  // made orthogonal by five Newton-Schulz steps) with this share of the learning rate, instead of
  // AdamW's; AdamW keeps embeddings, heads and vectors.
  double muon_share = 0;
  double clip_norm = 1;  // a longer gradient is scaled down to it; 0: never
};

struct TrainingOptions {
  uint64_t seed = 1;
  // The run's length: so many steps or, above 0, so many seconds in all, those before a resume
  // included; a run by the clock does not repeat bit for bit, one by steps does.
  int64_t steps = 1000;
  double budget_s = 0;
  int64_t batch_tokens = 8192;  // a step; at least one window
  int64_t micro_tokens = 2048;  // at once, for memory and caches; gradients add up
  int64_t length = 512;         // tokens of a window
  int64_t long_length = 2048;   // likewise, in the last long_share of the run, so that the model
  double long_share = 0.1;      // learns positions that far
  // Windows are cut the same way in every epoch, so that what follows from one can be kept.
  bool has_fixed_windows = false;
  Schedule schedule;
  OptimizerOptions optimizer;
  int64_t log_every_steps = 10;
  int64_t held_out_every_steps = 100;
  int64_t held_out_windows = 16;  // of a genre, `length` long
  double checkpoint_every_s = 120;
};

// How far a run has come.
struct TrainingProgress : Progress {  // in shares of the run
  int64_t step = 0;                   // done
  int64_t tokens = 0;
  double elapsed_s = 0;  // of all runs
  double loss = 0;       // of the last step
};

struct TrainingRun {
  bool is_interrupted = false;  // then a checkpoint has been written
  TrainingProgress progress;
  std::string log;  // CSV: step, tokens, elapsed_s, measure, value
  std::vector<std::pair<std::string, double>> held_out;  // the last: "held-out <loss> (<genre>)"
};

// Called after each step; false ends the run, with a checkpoint.
using TrainingWatch = std::function<bool(const TrainingProgress&)>;

}  // namespace hat
