// Medusa heads in training on a frozen model's last deep states.
#pragma once

#include <memory>

#include "runtime/model/medusa.h"
#include "runtime/train/frozen_teacher.h"
#include "runtime/train/jobs.h"
#include "runtime/train/sequence_model.h"
#include "runtime/train/training.h"

namespace hat {

// Head j learns what the model itself says j positions later, after the same text: cross-entropy
// with its output distribution there; the heads' losses are weighted decay^j (Cai et al. 2024 use
// 0.8) and the weights sum to 1. Logs "loss" and "head j loss".
class MedusaTrainee : public Trainee {
 public:
  // Starts as Medusa does: the residual block zero, each output layer the model's own. The model
  // and the teacher, which is that model, outlive this.
  MedusaTrainee(const SequenceModel& model, const FrozenTeacher& teacher,
                const MedusaOptions& options, const Compute& compute);

  Parameters& parameters() override { return *parameters_; }
  Losses Loss(const at::Tensor& windows) const override;
  Losses LossOf(const at::Tensor& windows, const std::vector<int64_t>& numbers) const override;

  std::vector<MedusaHead> Heads() const;

 private:
  const SequenceModel& model_;
  const FrozenTeacher& teacher_;
  MedusaOptions options_;
  std::unique_ptr<Parameters> parameters_;
};

}  // namespace hat
