// What the verbs `hat train base | adapter | medusa` do, from files to files. Free of torch, so
// that programs can hold it.
#pragma once

#include <string>

#include "runtime/model/config.h"
#include "runtime/train/options.h"

namespace hat {

// What all have in common.
struct TrainingJob {
  std::string text;             // a UTF-8 file, or a folder of them (see ReadTokenText)
  std::string held_out;         // likewise; empty: every genre's last twentieth is held out
  std::string tokenizer;        // a tokenizer.json or tokenizer.model
  bool finds_controls = false;  // names of control tokens in the text are these tokens
  // Where checkpoint.safetensors and training.csv go; made if missing.
  std::string work_folder;
  Dtype file_dtype = Dtype::kFloat32;  // of a drafter's tensors in its file
  // The frozen model's states after the training text are kept here, at most so many GB (2.7 a
  // million tokens of a model of width 576); windows must be fixed. Empty: computed in each epoch.
  std::string states_folder;
  double states_gb = 10;
  bool resume = false;
  Compute compute;
  TrainingOptions options;
};

struct BaseOptions {
  int split = 2;
  // Above 0: this times the cross-entropy of an adapter on the states at `split` is added to the
  // loss, so that the first layers learn to say early what comes next. Costs the base a little.
  double exit_weight = 0;
  // A model's folder of the same config, whose weights the training begins with, the exit's from
  // its adapter.safetensors if that is there and of the same split; empty: at random.
  std::string start = {};
};

// Trains a model of this config and writes it into `folder` as a Hugging Face
// checkpoint in config.dtype: config.json, model.safetensors, tokenizer.model; with an exit, its
// adapter too (adapter.safetensors). After an interrupt none of these is written. Throws
// InputError, RunError.
TrainingRun TrainBase(const TrainingJob& job, const ModelConfig& config, const BaseOptions& base,
                      const std::string& folder, const TrainingWatch& watch);

struct AdapterOptions {
  int split = 2;
  int mlp_width = 0;  // 0: as in the paper, attention alone
  double state_weight = 1;
  double token_weight = 0.1;
  double teacher_temperature = 1;  // below 1: the model's distribution sharpened
  int64_t other_tokens = 0;        // as MedusaOptions
  std::string start;               // an adapter file to begin with; empty: at random
  int64_t temperature_windows =
      8;  // held-out windows of a genre that the draft temperature is from
};

// Trains an adapter for the model in `model_folder`, which stays as it is, fits its draft
// temperature and writes it to `file`; not after an interrupt. Throws InputError, RunError.
TrainingRun TrainAdapter(const TrainingJob& job, const std::string& model_folder,
                         const AdapterOptions& options, const std::string& file,
                         const TrainingWatch& watch);

struct MedusaOptions {
  int heads = 4;
  double decay = 0.8;
  // The model's own output layer stands behind each head, and the file has none: with a large
  // vocabulary it would be larger than the model.
  bool shares_output = false;
  // Of the tokens that the model does not name for any position of a micro-batch a step looks at
  // about so many; 0: at all of them. Where the output layer learns too it looks at all.
  int64_t other_tokens = 0;
};

// Likewise, Medusa heads.
TrainingRun TrainMedusa(const TrainingJob& job, const std::string& model_folder,
                        const MedusaOptions& options, const std::string& file,
                        const TrainingWatch& watch);

}  // namespace hat
