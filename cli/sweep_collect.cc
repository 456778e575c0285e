// hat sweep collect: a sweep's results in one CSV and one SQLite file.
#include <fmt/format.h>

#include <filesystem>

#include "cli/plain_verbs.h"
#include "cli/sweep_options.h"
#include "core/error.h"
#include "core/files.h"
#include "experiments/sweep/collect.h"

namespace hat {

int SweepCollectVerb(CommandLine& line) {
  SweepChoice choice;
  CollectOptions options;
  line.description(
      "Puts the results of a sweep's runs into two files: FOLDER/results.csv, a row a run with "
      "every figure of its summary, and FOLDER/results.sqlite with the tables units, metrics and "
      "requests. Runs that are not done have rows without figures.\n\n"
      "  hat sweep collect experiments/sweeps/rates.toml");
  AddSweepOptions(line, choice);
  line.add_flag("!--no-requests", options.has_requests, "leave the single requests out");
  line.Parse();
  const std::string folder = choice.folder_or_default();
  std::error_code error;
  if (!std::filesystem::exists(folder, error)) {
    throw InputError(fmt::format("there is no folder '{}': nothing was run into it", folder));
  }
  const Collected collected = CollectSweep(LookAtSweep(choice), options);
  PrintResult(fmt::format("{} runs: {} done, {} failed, {} to do\n", collected.cells,
                          collected.done, collected.failed,
                          collected.cells - collected.done - collected.failed));
  SayWritten(collected.csv);
  SayWritten(collected.sqlite);
  return 0;
}

}  // namespace hat
