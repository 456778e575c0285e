// Options and progress that the verbs `hat train ...` share.
#pragma once

#include <chrono>
#include <string>

#include "core/program.h"
#include "runtime/train/jobs.h"

namespace hat {

// The flags that all of them take. Read() turns them into the job after the command line is parsed.
class TrainOptions {
 public:
  // Declares them, with the job's values as defaults. `line` and this object must live until
  // Read().
  TrainOptions(CommandLine& line, TrainingJob defaults);
  TrainingJob Read() const;

  int threads() const { return threads_; }

 private:
  TrainingJob job_;
  std::string dtype_ = "fp32";
  int threads_ = 0;
};

// Runs a training with Ctrl-C caught and a progress line, writes the picture of its log beside it
// and prints the last held-out losses. Returns the program's exit code. Throws RunError where it
// was interrupted: says that --resume goes on.
int RunTraining(const TrainOptions& options, const TrainingJob& job, const std::string& title,
                const std::function<TrainingRun(const TrainingWatch&)>& train);

}  // namespace hat
