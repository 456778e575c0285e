// The base model in training.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "runtime/train/jobs.h"
#include "runtime/train/sequence_model.h"
#include "runtime/train/training.h"

namespace hat {

// Learns to predict the next token. Logs "loss" and, with an exit, "exit loss", in nats per token.
class BaseTrainee : public Trainee {
 public:
  // Weights at random: uniform, of variance 1 / fan-in (o and down: / 2 layers more), embeddings of
  // standard deviation 0.02, norms 1. With a start: that model's. Throws InputError.
  BaseTrainee(const ModelConfig& config, const BaseOptions& options, uint64_t seed,
              const Compute& compute);

  Parameters& parameters() override { return *parameters_; }
  Losses Loss(const at::Tensor& windows) const override;

  // The values under their Hugging Face names, without the exit's.
  TensorMap ModelTensors() const;
  // The exit's adapter in the values' dtype; only with exit_weight > 0.
  LayerWeights ExitAdapter() const;

 private:
  BaseOptions options_;
  std::unique_ptr<Parameters> parameters_;
  std::unique_ptr<SequenceModel> model_;
};

}  // namespace hat
