#include "runtime/train/adapter_training.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <filesystem>

#include "core/error.h"
#include "runtime/train/fused.h"
#include "runtime/train/job_files.h"
#include "runtime/train/temperature.h"
#include "runtime/train/training_state.h"

namespace hat {
namespace {

// x / rms(x). [rows, hidden]
at::Tensor WithoutScale(const at::Tensor& states, double eps) {
  const at::Tensor rows = states.reshape({-1, states.size(-1)});
  return FusedRmsNorm(rows, at::ones({rows.size(1)}, rows.options()), eps);
}

}  // namespace

AdapterTrainee::AdapterTrainee(const SequenceModel& model, const FrozenTeacher& teacher,
                               const AdapterOptions& options, const LayerWeights& start,
                               uint64_t seed, const Compute& compute)
    : model_(model),
      teacher_(teacher),
      options_(options),
      parameters_(std::make_unique<Parameters>(AdapterParameters(model.config(), options.mlp_width),
                                               compute)) {
  const TensorMap values = parameters_->Values();
  if (start.attention.q.defined()) {
    CopyAdapter(start, AdapterOf(values));
  } else {
    InitialiseAdapter(values, seed);
  }
  parameters_->Publish();
}

Trainee::Losses AdapterTrainee::Loss(const at::Tensor& windows) const {
  return LossOf(windows, {});
}

Trainee::Losses AdapterTrainee::LossOf(const at::Tensor& windows,
                                       const std::vector<int64_t>& numbers) const {
  const Taught taught = teacher_.Teach(windows, numbers);
  const at::Tensor guessed = model_.Adapted(taught.shallow, AdapterOf(Leaves(*parameters_)));
  const double eps = model_.config().norm_eps;
  const at::Tensor state_loss =
      at::smooth_l1_loss(WithoutScale(guessed, eps), WithoutScale(taught.deep, eps));
  const at::Tensor token_loss = SampledSoftCrossEntropy(
      model_.Normed(guessed), model_.output(),
      {taught.tokens.flatten(0, 1),
       (taught.logits.flatten(0, 1) / options_.teacher_temperature).softmax(1)},
      at::GradMode::is_enabled() ? options_.other_tokens : 0);
  const at::Tensor total = options_.state_weight * state_loss + options_.token_weight * token_loss;
  return {total,
          {{"loss", total.detach()},
           {"state loss", state_loss.detach()},
           {"cross-entropy", token_loss.detach()}}};
}

double AdapterTrainee::DraftTemperature(const at::Tensor& windows) const {
  const at::NoGradGuard no_gradient;
  const Taught taught = teacher_.Teach(windows, {});
  const at::Tensor guessed = model_.Adapted(taught.shallow, AdapterOf(Leaves(*parameters_)));
  return FitTemperature(at::mm(model_.Normed(guessed), model_.output().t()),
                        taught.tokens.select(2, 0).flatten());
}

TrainingRun TrainAdapter(const TrainingJob& job, const std::string& model_folder,
                         const AdapterOptions& options, const std::string& file,
                         const TrainingWatch& watch) {
  CheckCompute(job.compute);
  const Model model = OpenModel(model_folder);
  CheckSplit(options.split, model.config);
  CheckWindows(job.options, model.config);
  AdapterFile adapter;
  if (!options.start.empty()) adapter = LoadAdapter(options.start, model, options.split);
  const JobText text = ReadJobText(job, model.config);
  const SequenceModel frozen(model, job.compute);
  FrozenTeacher teacher(frozen, options.split);
  KeepStates(job, model, text, options.split, teacher);
  AdapterTrainee trainee(frozen, teacher, options, adapter.weights, job.options.seed, job.compute);
  const std::string identity =
      "model = " + model.id + "\nsplit = " + std::to_string(options.split) +
      "\nmlp_width = " + std::to_string(options.mlp_width) + "\nstart = " + options.start +
      "\nstate_weight = " + NumberText(options.state_weight) +
      "\ntoken_weight = " + NumberText(options.token_weight) +
      "\nteacher_temperature = " + NumberText(options.teacher_temperature) +
      "\nother_tokens = " + std::to_string(options.other_tokens) + "\n";
  TrainingRun run = RunJob(job, text, trainee, identity, watch);
  if (run.is_interrupted) return run;
  std::vector<at::Tensor> windows;
  for (const Genre& genre : text.held_out.genres) {
    windows.push_back(SpreadWindows(genre, options.temperature_windows, job.options.length));
  }
  adapter = {trainee.Weights(), model.id, options.split,
             trainee.DraftTemperature(at::cat(windows))};
  SaveAdapter(file, adapter, job.file_dtype);
  run.held_out.emplace_back("draft temperature", adapter.draft_temperature);
  return run;
}

}  // namespace hat
