// hat offload: tasks offloaded over stages of nodes with early exits.
#include <fmt/format.h>

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "cli/plain_verbs.h"
#include "cli/progress_line.h"
#include "cli/run_plot.h"
#include "cli/set_option.h"
#include "cli/shipped.h"
#include "core/error.h"
#include "core/files.h"
#include "core/interrupt.h"
#include "core/program.h"
#include "offload/report.h"

namespace hat {
namespace {

struct OffloadOptions {
  std::string spec, out;
  std::vector<std::string> overrides;
  bool is_quick = false, replaces = false, draws = true, is_quiet = false;
};

void AddOptions(CommandLine& line, OffloadOptions& options) {
  line.description(
      "A model in stages, each held by several nodes of a network, with an exit after each: who "
      "sends tasks where, and how sure must an exit be? DTO-EE (arXiv 2412.08284), reconstructed "
      "from its abstract, beside simpler rules, at several loads, played task by task. "
      "docs/siblings/offload.md says what is reconstructed and what came out.");
  line.footer(
      "Example:\n"
      "  hat offload experiments/siblings/offload.toml --quick --out results/offload");
  line.add_option("spec", options.spec, "a TOML file; every key: docs/formats.md")
      ->required()
      ->transform(ShippedPath);
  AddSetOption(line, options.overrides, "the file");
  line.add_option("--out", options.out, "folder for offload.json, .csv, .png and manifest.json");
  line.add_flag("--force", options.replaces, "replace the folder's earlier results");
  line.add_flag("--quick", options.is_quick, "two loads, two seeds, a fifth of the time");
  line.add_flag("!--no-figure", options.draws, "do not draw offload.png");
  line.add_flag("--quiet", options.is_quiet, "nothing on stderr but errors");
}

}  // namespace

int OffloadVerb(CommandLine& line) {
  OffloadOptions options;
  AddOptions(line, options);
  line.Parse();
  CatchInterrupts();
  const OffloadSpec spec = LoadOffloadSpec(options.spec, options.overrides, options.is_quick);
  const ExitTable table = ExitTable::Load(spec.table_path);
  std::optional<ResultFolder> folder;
  if (!options.out.empty()) folder.emplace(options.out, options.replaces);
  ProgressLine progress(std::chrono::seconds(60));
  const auto study = StudyOffloading(spec, table, [&](const Progress& done) {
    if (!options.is_quiet) {
      progress.Update(done, [&] {
        return fmt::format("hat offload: {:.0f} of {:.0f} runs", done.done, *done.total);
      });
    }
    return !IsInterrupted();
  });
  progress.Clear();
  if (!study) throw RunError("interrupted; nothing was written");
  PrintResult(OffloadText(spec, *study));
  if (!folder) return 0;
  folder->Write("manifest.json", OffloadManifest(spec));
  folder->Write("offload.csv", OffloadCsv(*study));
  folder->Write("offload.json", OffloadJson(spec, *study));
  if (options.draws) {
    RunPlot("offload.py", folder->staging() + "/offload.json", folder->staging() + "/offload.png");
  }
  folder->Commit();
  if (!options.is_quiet) SayWritten(options.out);
  return 0;
}

}  // namespace hat
