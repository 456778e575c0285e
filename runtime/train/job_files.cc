#include "runtime/train/job_files.h"

#include <filesystem>

#include "core/error.h"
#include "core/files.h"

namespace hat {
namespace {

constexpr int kHeldOutOneIn = 20;

}  // namespace

JobText ReadJobText(const TrainingJob& job, const ModelConfig& config) {
  const Tokenizer tokenizer(job.tokenizer, config.shape.vocabulary);
  JobText text;
  text.training = ReadTokenText(job.text, tokenizer, config.bos_token);
  if (job.held_out.empty()) {
    text.held_out = SplitOffEnd(text.training, kHeldOutOneIn);
  } else {
    text.held_out = ReadTokenText(job.held_out, tokenizer, config.bos_token);
  }
  return text;
}

TrainingRun RunJob(const TrainingJob& job, const JobText& text, Trainee& trainee,
                   const std::string& identity, const TrainingWatch& watch) {
  std::error_code error;
  std::filesystem::create_directories(job.work_folder, error);
  if (error) throw RunError("cannot make '" + job.work_folder + "': " + error.message());
  TrainingRun run = Train(trainee, text.training, text.held_out, job.options,
                          job.work_folder + "/checkpoint.safetensors", job.resume, identity, watch);
  WriteFileAtomically(job.work_folder + "/training.csv", run.log);
  return run;
}

}  // namespace hat
