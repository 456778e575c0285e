// hat train adapter: an adapter for a model that stays as it is.
#include <filesystem>
#include <string>

#include "cli/torch_verbs.h"
#include "cli/train_options.h"

namespace {

constexpr char kTrainAdapterDescription[] =
    "Trains HAT's adapter for a model by distillation: from the shallow states at the split it "
    "learns "
    "the deep states and the output distribution; the model stays as it is. The file holds the "
    "draft "
    "temperature that was fitted on held-out text. Log, picture and checkpoint go to the folder "
    "FILE.training.";
constexpr char kTrainAdapterExamples[] =
    "Example:\n"
    "  hat train adapter --model model --text text/train --held-out text/held_out "
    "--out model/adapter.safetensors";

}  // namespace

int hat::TrainAdapterVerb(CommandLine& line) {
  hat::KeepLargeBlocks();
  line.description(kTrainAdapterDescription);
  line.footer(kTrainAdapterExamples);
  hat::AdapterOptions adapter;
  hat::DrafterFlags flags(line);
  line.add_option("--split", adapter.split, "Depth of the states that it reads")
      ->capture_default_str()
      ->check(CLI::Range(1, 1 << 20));
  line.add_option("--mlp", adapter.mlp_width,
                  "Width of an MLP after the attention; 0: none, as in the paper")
      ->capture_default_str()
      ->check(CLI::Range(0, 1 << 20));
  const auto number = [&](const char* name, double& value, double low, const char* text) {
    line.add_option(name, value, text)->capture_default_str()->check(CLI::Range(low, 1000.0));
  };
  number("--state-weight", adapter.state_weight, 0, "Weight of SmoothL1 on normalised states");
  number("--token-weight", adapter.token_weight, 0, "Weight of the cross-entropy of tokens");
  number("--teacher-temperature", adapter.teacher_temperature, 0.01,
         "Below 1: learn from the model's distribution sharpened");
  line.add_option("--start", adapter.start, "Adapter file to begin with");
  hat::TrainingJob defaults;
  defaults.options.schedule.peak = 2e-3;
  const hat::TrainOptions options(line, defaults);
  line.Parse();
  const hat::TrainingJob job = hat::JobBeside(options.Read(), flags);
  adapter.other_tokens = flags.other_tokens;
  return hat::RunTraining(options, job, "adapter", flags.file,
                          [&](const hat::TrainingWatch& watch) {
                            return hat::TrainAdapter(job, flags.model, adapter, flags.file, watch);
                          });
}
