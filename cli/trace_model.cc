#include "cli/trace_model.h"

#include <fmt/format.h>

#include <algorithm>

#include "cli/model_options.h"
#include "cli/shipped.h"
#include "core/error.h"
#include "experiments/scenario/limits.h"
#include "protocol/system.h"

namespace hat {
TraceModelOptions::TraceModelOptions(CommandLine& line) {
  line.add_option("--model", given_.folder, "folder of a Llama-family checkpoint")
      ->required()
      ->transform(ShippedPath);
  line.add_option("--adapter", given_.adapter,
                  "file or random:SEED (default: adapter.safetensors in the model's folder)");
  line.add_option("--medusa", given_.medusa,
                  "file or random:SEED (default: medusa.safetensors there)");
  line.add_option("--drafter", given_.drafter,
                  "adapter, lookup (what followed the text's last tokens before) or adapter+lookup")
      ->capture_default_str()
      ->check(CLI::IsMember(DrafterNames()));
  line.add_option("--split", split_, "layers on the device (default: 2, or all but one)");
  line.add_option("--threads", threads_, "CPU threads of an operation; a small model wants one")
      ->capture_default_str()
      ->check(CLI::Range(1, kMostThreads));
}

DraftedModel TraceModelOptions::Read() const {
  const ModelConfig config = ReadModelConfig(given_.folder);
  DraftedModel model = given_;
  model.adapter = FileOrNone(given_.adapter, given_.folder, "adapter.safetensors");
  if (model.adapter.empty() && given_.drafter == "adapter+lookup") {
    throw InputError(fmt::format("--drafter {} needs --adapter: there is no {}/adapter.safetensors",
                                 given_.drafter, given_.folder));
  }
  model.medusa = FileOrNone(given_.medusa, given_.folder, "medusa.safetensors");
  model.split = split_.value_or(std::min(2, config.shape.layer_count() - 1));
  CheckSplit({model.split, {}, Dtype::kFloat32}, config);
  return model;
}

}  // namespace hat
