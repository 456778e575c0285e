#include "runtime/train/medusa_training.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "runtime/train/fused.h"
#include "runtime/train/job_files.h"
#include "runtime/train/training_state.h"

namespace hat {
namespace {

std::string Name(int head, const char* part) {
  return "medusa." + std::to_string(head) + "." + part;
}

// Its output undefined where the heads share the model's.
MedusaHead HeadOf(const TensorMap& tensors, int head) {
  const auto output = tensors.find(Name(head, "output"));
  return {tensors.at(Name(head, "weight")), tensors.at(Name(head, "bias")),
          output == tensors.end() ? at::Tensor() : output->second};
}

}  // namespace

MedusaTrainee::MedusaTrainee(const SequenceModel& model, const FrozenTeacher& teacher,
                             const MedusaOptions& options, const Compute& compute)
    : model_(model), teacher_(teacher), options_(options) {
  const ModelShape& shape = model.config().shape;
  std::map<std::string, std::vector<int64_t>> shapes;
  for (int head = 0; head < options.heads; ++head) {
    shapes[Name(head, "weight")] = {shape.hidden, shape.hidden};
    shapes[Name(head, "bias")] = {shape.hidden};
    if (!options.shares_output) shapes[Name(head, "output")] = {shape.vocabulary, shape.hidden};
  }
  parameters_ = std::make_unique<Parameters>(shapes, compute);
  const TensorMap values = parameters_->Values();
  for (int head = 0; head < options.heads && !options.shares_output; ++head) {
    HeadOf(values, head).output.copy_(model.output());
  }
  parameters_->Publish();
}

Trainee::Losses MedusaTrainee::Loss(const at::Tensor& windows) const { return LossOf(windows, {}); }

Trainee::Losses MedusaTrainee::LossOf(const at::Tensor& windows,
                                      const std::vector<int64_t>& numbers) const {
  const int64_t length = windows.size(1) - 1, hidden = model_.config().shape.hidden;
  const Taught taught = teacher_.Teach(windows, numbers);
  at::Tensor normed;
  {
    const at::NoGradGuard no_gradient;
    normed = model_.Normed(taught.deep).view({windows.size(0), length, hidden});
  }
  double all = 0;
  for (int j = 1; j <= options_.heads; ++j) all += std::pow(options_.decay, j);
  const TensorMap leaves = Leaves(*parameters_);
  Losses losses{at::zeros({}, normed.options()), {}};
  for (int j = 1; j <= options_.heads && j < length; ++j) {
    const MedusaHead head = HeadOf(leaves, j - 1);
    const at::Tensor x = normed.narrow(1, 0, length - j).reshape({-1, hidden});
    const auto later = [&](const at::Tensor& said) {
      return said.narrow(1, j, length - j).flatten(0, 1);
    };
    const TokenShares teacher{later(taught.tokens), later(taught.logits).softmax(1)};
    const at::Tensor mixed = x + at::silu(at::linear(x, head.weight, head.bias));
    const bool samples = !head.output.defined() && at::GradMode::is_enabled();
    const at::Tensor loss =
        SampledSoftCrossEntropy(mixed, head.output.defined() ? head.output : model_.output(),
                                teacher, samples ? options_.other_tokens : 0);
    losses.total = losses.total + loss * (std::pow(options_.decay, j) / all);
    losses.log.emplace_back("head " + std::to_string(j) + " loss", loss.detach());
  }
  losses.log.insert(losses.log.begin(), {"loss", losses.total.detach()});
  return losses;
}

std::vector<MedusaHead> MedusaTrainee::Heads() const {
  std::vector<MedusaHead> heads;
  const TensorMap values = parameters_->Values();
  for (int head = 0; head < options_.heads; ++head) heads.push_back(HeadOf(values, head));
  return heads;
}

TrainingRun TrainMedusa(const TrainingJob& job, const std::string& model_folder,
                        const MedusaOptions& options, const std::string& file,
                        const TrainingWatch& watch) {
  CheckCompute(job.compute);
  const Model model = OpenModel(model_folder);
  CheckWindows(job.options, model.config);
  const JobText text = ReadJobText(job, model.config);
  const SequenceModel frozen(model, job.compute);
  // Nothing is learnt from shallow states; at an adapter's usual split both may keep the same file.
  const int split = std::min(2, model.config.shape.layer_count() - 1);
  FrozenTeacher teacher(frozen, split);
  KeepStates(job, model, text, split, teacher);
  MedusaTrainee trainee(frozen, teacher, options, job.compute);
  const std::string identity =
      "model = " + model.id + "\nheads = " + std::to_string(options.heads) +
      "\ndecay = " + NumberText(options.decay) + (options.shares_output ? "\nshares_output" : "") +
      "\nother_tokens = " + std::to_string(options.other_tokens) + "\n";
  TrainingRun run = RunJob(job, text, trainee, identity, watch);
  if (!run.is_interrupted) SaveMedusa(file, {trainee.Heads(), model.id}, job.file_dtype);
  return run;
}

}  // namespace hat
