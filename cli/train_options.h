// Options and progress that the verbs `hat train ...` share.
#pragma once

#include <functional>
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

// The flags of who trains a drafter for a given model.
struct DrafterFlags {
  explicit DrafterFlags(CommandLine& line);  // both must live until the line is parsed
  DrafterFlags(const DrafterFlags&) = delete;
  DrafterFlags& operator=(const DrafterFlags&) = delete;

  std::string model, file, tokenizer;
  std::string file_dtype = "fp32";
  bool finds_controls = false;
  std::string states_folder;
  double states_gb = 10;
  int64_t other_tokens = 0;
};

// The job of training a drafter: work folder "<file>.training", the model's tokenizer unless
// another is given. Throws InputError if the file is there and the job is not resumed.
TrainingJob JobBeside(TrainingJob job, const DrafterFlags& flags);

// Steps allocate the same large blocks again and again: from now on they are kept, instead of
// asking the system for zeroed pages each time. First in main.
void KeepLargeBlocks();

// Runs a training, which writes `result`, with Ctrl-C caught and a progress line, writes the
// picture of its log beside it and prints the last held-out losses. Returns the program's exit
// code. Throws RunError where it was interrupted: says that --resume goes on.
int RunTraining(const TrainOptions& options, const TrainingJob& job, const std::string& title,
                const std::string& result,
                const std::function<TrainingRun(const TrainingWatch&)>& train);

}  // namespace hat
