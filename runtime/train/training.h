// The loop that trains anything: batches, schedule, optimizer, log, held-out losses, checkpoints.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <ATen/core/Tensor.h>

#include "runtime/train/options.h"
#include "runtime/train/parameters.h"
#include "runtime/train/token_text.h"

namespace hat {

// What is trained: its parameters, and a loss of windows of text.
class Trainee {
 public:
  struct Losses {
    at::Tensor total;                                     // scalar, differentiable
    std::vector<std::pair<std::string, at::Tensor>> log;  // named scalars, detached
  };

  virtual ~Trainee() = default;
  virtual Parameters& parameters() = 0;
  // windows: int64 [rows, length + 1]; the mean over all predicted tokens.
  virtual Losses Loss(const at::Tensor& windows) const = 0;
  // The same of windows that come again: `numbers` is each one's place in the text, or empty.
  virtual Losses LossOf(const at::Tensor& windows, const std::vector<int64_t>& /*numbers*/) const {
    return Loss(windows);
  }
};

// Trains to the end, with a checkpoint at `checkpoint_path` now and then and after an interrupt. A
// checkpoint that is there is gone on from if `resume`, and refused otherwise. Throws InputError (a
// checkpoint of other options or text, named; a text too short) and RunError.
//
// `identity` says in words what else decides about the result (a model's id, loss weights): part of
// what must be equal to go on.
TrainingRun Train(Trainee& trainee, const TokenText& text, const TokenText& held_out,
                  const TrainingOptions& options, const std::string& checkpoint_path, bool resume,
                  const std::string& identity, const TrainingWatch& watch);

// Mean losses over a genre's held-out windows, in micro-batches: the trainee's log, averaged.
std::vector<std::pair<std::string, double>> HeldOutLosses(const Trainee& trainee,
                                                          const Genre& genre,
                                                          const TrainingOptions& options);

}  // namespace hat
