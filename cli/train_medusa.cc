// hat train medusa: Medusa heads for a model that stays as it is.
#include <string>

#include "cli/torch_verbs.h"
#include "cli/train_options.h"

namespace {

constexpr char kTrainMedusaDescription[] =
    "Trains Medusa heads on a model's last states; the model stays as it is. Head j learns what "
    "the "
    "model itself will say j positions later. Log, picture and checkpoint go to the folder "
    "FILE.training.";
constexpr char kTrainMedusaExamples[] =
    "Example:\n"
    "  hat train medusa --model model --text text/train --held-out text/held_out "
    "--out model/medusa.safetensors";

}  // namespace

int hat::TrainMedusaVerb(CommandLine& line) {
  hat::KeepLargeBlocks();
  line.description(kTrainMedusaDescription);
  line.footer(kTrainMedusaExamples);
  std::string model, file, tokenizer;
  hat::MedusaOptions medusa;
  hat::DeclareModelAndFile(line, model, file, tokenizer);
  line.add_option("--heads", medusa.heads, "How many")
      ->capture_default_str()
      ->check(CLI::Range(1, 16));
  line.add_option("--decay", medusa.decay, "Head j's weight in the loss is this to the power j")
      ->capture_default_str()
      ->check(CLI::Range(0.01, 1.0));
  hat::TrainingJob defaults;
  defaults.options.schedule.peak = 2e-3;
  const hat::TrainOptions options(line, defaults);
  line.Parse();
  const hat::TrainingJob job = hat::JobBeside(options.Read(), model, file, tokenizer);
  return hat::RunTraining(options, job, "Medusa heads", file, [&](const hat::TrainingWatch& watch) {
    return hat::TrainMedusa(job, model, medusa, file, watch);
  });
}
