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
  hat::MedusaOptions medusa;
  hat::DrafterFlags flags(line);
  line.add_option("--heads", medusa.heads, "How many")
      ->capture_default_str()
      ->check(CLI::Range(1, 16));
  line.add_option("--decay", medusa.decay, "Head j's weight in the loss is this to the power j")
      ->capture_default_str()
      ->check(CLI::Range(0.01, 1.0));
  line.add_flag(
      "--share-output", medusa.shares_output,
      "The model's own output layer behind each head: small files for large vocabularies");
  hat::TrainingJob defaults;
  defaults.options.schedule.peak = 2e-3;
  const hat::TrainOptions options(line, defaults);
  line.Parse();
  const hat::TrainingJob job = hat::JobBeside(options.Read(), flags);
  medusa.other_tokens = flags.other_tokens;
  return hat::RunTraining(options, job, "Medusa heads", flags.file,
                          [&](const hat::TrainingWatch& watch) {
                            return hat::TrainMedusa(job, flags.model, medusa, flags.file, watch);
                          });
}
