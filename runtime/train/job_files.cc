#include "runtime/train/job_files.h"

#include <algorithm>
#include <filesystem>

#include "core/error.h"
#include "core/files.h"

namespace hat {
namespace {

constexpr int kHeldOutOneIn = 20;

}  // namespace

void CheckSplit(int split, const ModelConfig& config) {
  RequireTwoLayers(config);
  if (split >= 1 && split < config.shape.layer_count()) return;
  throw InputError("the split must be 1.." + std::to_string(config.shape.layer_count() - 1) +
                   ", below the number of layers, got " + std::to_string(split));
}

void CheckWindows(const TrainingOptions& options, const ModelConfig& config) {
  if (std::max(options.length, options.long_length) <= config.max_positions) return;
  throw InputError("windows must not be longer than the model's " +
                   std::to_string(config.max_positions) + " positions");
}

JobText ReadJobText(const TrainingJob& job, const ModelConfig& config) {
  const Tokenizer tokenizer(job.tokenizer, config.shape.vocabulary);
  const int begin_token = tokenizer.BeginToken(config.bos_token);
  JobText text;
  text.training = ReadTokenText(job.text, tokenizer, begin_token, job.finds_controls);
  if (job.held_out.empty()) {
    text.held_out = SplitOffEnd(text.training, kHeldOutOneIn);
  } else {
    text.held_out = ReadTokenText(job.held_out, tokenizer, begin_token, job.finds_controls);
  }
  const auto length = static_cast<size_t>(job.options.length);
  const auto& genres = text.held_out.genres;
  if (std::ranges::none_of(genres, [&](const Genre& g) { return g.tokens.size() > length; })) {
    throw InputError("no genre of the held-out text has more than " + std::to_string(length) +
                     " tokens, a window's length");
  }
  return text;
}

void KeepStates(const TrainingJob& job, const Model& model, const JobText& text, int split,
                FrozenTeacher& teacher) {
  if (job.states_folder.empty()) return;
  const std::string identity = "model = " + model.id + "\nsplit = " + std::to_string(split) +
                               "\nlength = " + std::to_string(job.options.length) +
                               "\ntext = " + text.training.Hash() + "\n";
  teacher.KeepIn(job.states_folder, job.states_gb, identity, job.options.length);
}

TrainingRun RunJob(const TrainingJob& job, const JobText& text, Trainee& trainee,
                   const std::string& identity, const TrainingWatch& watch) {
  RefuseTilde(job.work_folder);
  std::error_code error;
  std::filesystem::create_directories(job.work_folder, error);
  if (error) throw RunError("cannot make '" + job.work_folder + "': " + error.message());
  TrainingRun run = Train(trainee, text.training, text.held_out, job.options,
                          job.work_folder + "/checkpoint.safetensors", job.resume, identity, watch);
  WriteFileAtomically(job.work_folder + "/training.csv", run.log);
  return run;
}

}  // namespace hat
