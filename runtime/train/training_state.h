// A training run on disk: one safetensors file with parameters, the optimizer's memory, how far the
// run had come, its log, and what it was started with. Random streams need no state: what they give
// depends on the seed, the step and the tokens seen alone.
#pragma once

#include <cstdint>
#include <string>

#include "runtime/train/optimizer.h"
#include "runtime/train/parameters.h"
#include "runtime/train/token_text.h"
#include "runtime/train/training.h"

namespace hat {

struct TrainingState {
  int64_t step = 0;
  int64_t tokens = 0;
  double elapsed_s = 0;
  std::string log;
};

// The shortest text that reads back as the same number.
std::string NumberText(double value);

// What two runs must share for one to go on from the other's checkpoint: "name = value" lines.
std::string TrainingIdentity(const TrainingOptions& options, const TokenText& text,
                             const std::string& identity);

// Atomically: a run that is killed while it saves finds the checkpoint before. Throws RunError.
void SaveTrainingState(const std::string& path, const std::string& identity,
                       const TrainingState& state, const Parameters& parameters,
                       const Optimizer& optimizer);

// Puts everything back. Throws InputError: not such a file, or of another identity (names the first
// line that differs).
TrainingState LoadTrainingState(const std::string& path, const std::string& identity,
                                Parameters& parameters, Optimizer& optimizer);

}  // namespace hat
