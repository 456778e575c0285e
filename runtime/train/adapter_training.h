// An adapter in training: it learns to guess a frozen model's deep states from its shallow ones.
#pragma once

#include <cstdint>
#include <memory>

#include "runtime/train/frozen_teacher.h"
#include "runtime/train/jobs.h"
#include "runtime/train/sequence_model.h"
#include "runtime/train/training.h"

namespace hat {

// Loss = state_weight x SmoothL1 (Huber, beta 1) between the RMS-normalised guessed and true deep
// states + token_weight x cross-entropy between the model's output distribution, sharpened by the
// teacher's temperature, and the one that the guess yields. Logs "loss", "state loss" and
// "cross-entropy".
class AdapterTrainee : public Trainee {
 public:
  // `start`: weights to begin with; undefined tensors: at random, near the identity. The model
  // outlives this.
  // The teacher is the model at the options' split, and outlives this too.
  AdapterTrainee(const SequenceModel& model, const FrozenTeacher& teacher,
                 const AdapterOptions& options, const LayerWeights& start, uint64_t seed,
                 const Compute& compute);

  Parameters& parameters() override { return *parameters_; }
  Losses Loss(const at::Tensor& windows) const override;
  Losses LossOf(const at::Tensor& windows, const std::vector<int64_t>& numbers) const override;

  LayerWeights Weights() const { return AdapterOf(parameters_->Values()); }

  // The temperature that calibrates its drafts on these windows: targets are the model's own greedy
  // tokens after the same text.
  double DraftTemperature(const at::Tensor& windows) const;

 private:
  const SequenceModel& model_;
  const FrozenTeacher& teacher_;
  AdapterOptions options_;
  std::unique_ptr<Parameters> parameters_;
};

}  // namespace hat
