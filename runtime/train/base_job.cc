#include <ATen/ATen.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/files.h"
#include "runtime/model/adapter.h"
#include "runtime/model/torch_compute.h"
#include "runtime/tokenizer/tokenizer.h"
#include "runtime/train/base.h"
#include "runtime/train/job_files.h"
#include "runtime/train/training_state.h"

namespace hat {
namespace {

std::string Identity(const ModelConfig& config, const BaseOptions& base, const Compute& compute) {
  return "model = " + Describe(config.shape) + ", " + std::to_string(config.max_positions) +
         " positions\ndtype = " + Name(compute.dtype) + "\nsplit = " + std::to_string(base.split) +
         "\nexit_weight = " + NumberText(base.exit_weight) +
         (base.start.empty() ? "" : "\nstart = " + OpenModel(base.start).id) + "\n";
}

void CheckOptions(const TrainingJob& job, const ModelConfig& config, const BaseOptions& base,
                  const std::string& folder) {
  CheckSplit(base.split, config);
  CheckWindows(job.options, config);
  if (!job.resume && std::filesystem::exists(folder + "/model.safetensors")) {
    throw InputError("'" + folder + "' holds a model already; give another folder");
  }
}

// A tokenizer.model says nothing of a begin token, and transformers puts none unless told to.
void WriteTokenizer(const TrainingJob& job, const ModelConfig& config, const std::string& folder) {
  if (job.tokenizer.ends_with(".json")) {
    WriteFileAtomically(folder + "/tokenizer.json", ReadFile(job.tokenizer));
    return;
  }
  WriteFileAtomically(folder + "/tokenizer.model", ReadFile(job.tokenizer));
  const Tokenizer tokenizer(job.tokenizer, config.shape.vocabulary);
  nlohmann::json roles = {{"add_bos_token", config.bos_token >= 0},
                          {"legacy", false},
                          {"tokenizer_class", "LlamaTokenizer"},
                          {"unk_token", "<unk>"}};
  if (config.bos_token >= 0) roles["bos_token"] = tokenizer.ControlName(config.bos_token);
  if (!config.eos_tokens.empty()) roles["eos_token"] = tokenizer.ControlName(config.eos_tokens[0]);
  WriteFileAtomically(folder + "/tokenizer_config.json", roles.dump(2) + "\n");
}

}  // namespace

TrainingRun TrainBase(const TrainingJob& job, const ModelConfig& config, const BaseOptions& base,
                      const std::string& folder, const TrainingWatch& watch) {
  CheckCompute(job.compute);
  CheckOptions(job, config, base, folder);
  const JobText text = ReadJobText(job, config);
  BaseTrainee trainee(config, base, job.options.seed, job.compute);
  TrainingRun run = RunJob(job, text, trainee, Identity(config, base, job.compute), watch);
  if (run.is_interrupted) return run;
  WriteModel(folder, ModelInMemory(config, trainee.ModelTensors()), config.dtype);
  WriteTokenizer(job, config, folder);
  if (base.exit_weight > 0) {
    AdapterFile adapter{trainee.ExitAdapter(), OpenModel(folder).id, base.split, 1};
    SaveAdapter(folder + "/adapter.safetensors", adapter);
  }
  return run;
}

}  // namespace hat
