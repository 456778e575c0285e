// hat sweep run, list, unit, clean: many runs, their results kept by what they depend on.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "cli/plain_verbs.h"
#include "cli/sweep_options.h"
#include "core/error.h"
#include "core/files.h"
#include "core/interrupt.h"
#include "core/program.h"
#include "experiments/sweep/unit_store.h"

namespace hat {
namespace {

namespace fs = std::filesystem;

constexpr const char* kRunDescription =
    "Runs what a plan asks for: base scenarios times axes of values times systems times seeds. A "
    "run's results lie in FOLDER/units under a key of all that they depend on, so the same command "
    "goes on where an earlier one ended, however that came about, and an edited plan runs only "
    "what "
    "is new. Several of these commands, here or on other machines that share the folder, share the "
    "work.\n\n"
    "  hat sweep run experiments/sweeps/rates.toml\n  hat sweep collect "
    "experiments/sweeps/rates.toml";

struct RunOptionsOfUser {
  SweepChoice choice;
  SweepRunOptions run;
  std::string shard = "1/1";
};

std::string Ended(const UnitOutcome& outcome) {
  std::string text = fmt::format("{} of {} runs are done", outcome.done, outcome.all);
  if (!outcome.failed.empty()) text += fmt::format(", {} failed", outcome.failed.size());
  return text;
}

// Prints how it went; the exit code.
int Report(const UnitOutcome& outcome) {
  if (outcome.is_stopped) {
    throw RunError(fmt::format("interrupted; {}; the same command goes on there", Ended(outcome)));
  }
  PrintResult(Ended(outcome) + "\n");
  return outcome.failed.empty() ? 0 : 1;
}

enum class State { kDone, kFailed, kTodo };

// One line a unit: "done  FOLDER/units/KEY  name".
std::string Listing(const Sweep& sweep, std::optional<State> only) {
  const UnitStore store(sweep.folder);
  const std::set<std::string> done = store.Done();
  const std::map<std::string, UnitFailure> failed = store.Failed();
  std::string text;
  for (const Unit& unit : sweep.units) {
    const auto failure = failed.find(unit.key);
    const State state = done.contains(unit.key)   ? State::kDone
                        : failure != failed.end() ? State::kFailed
                                                  : State::kTodo;
    if (only && state != *only) continue;
    const std::string path = store.FolderOf(unit.key);
    if (only == State::kTodo) {  // for other programs
      text += path + "\n";
      continue;
    }
    constexpr const char* kNames[] = {"done", "failed", "todo"};
    text += fmt::format("{:<6}  {}  {}", kNames[static_cast<int>(state)], path,
                        sweep.plan.plan.cells[unit.cell].name);
    if (state == State::kFailed) text += ": " + failure->second.reason;
    text += "\n";
  }
  return text;
}

struct UnitPath {
  std::string folder, key;
};

// FOLDER/units/KEY, as `list --todo` prints it.
UnitPath ParseUnitPath(const std::string& text) {
  const fs::path path = fs::path(text).lexically_normal();
  const fs::path units = path.parent_path();
  if (path.filename().empty() || units.filename() != "units") {
    throw InputError(fmt::format(
        "'{}' must be FOLDER/units/KEY, as 'hat sweep list PLAN --todo' prints it", text));
  }
  const fs::path folder = units.parent_path();
  return {folder.empty() ? "." : folder.string(), path.filename()};
}

int RunUnits(const std::vector<std::string>& paths, SweepRunOptions options) {
  int exit_code = 0;
  for (const std::string& path : paths) {
    const UnitPath unit = ParseUnitPath(path);
    const Sweep sweep = OpenSweepFolder(unit.folder);
    if (!std::ranges::count(sweep.units, unit.key, &Unit::key)) {
      throw InputError(fmt::format("'{}' has no unit {}", unit.folder, unit.key));
    }
    RequireFresh(sweep, unit.key);
    options.units.keys = {unit.key};
    options.units.retries_failed = true;
    const UnitOutcome outcome = RunSweepUnits(sweep, options);
    if (outcome.is_stopped) throw RunError("interrupted");
    if (!outcome.failed.empty()) exit_code = 1;
  }
  return exit_code;
}

// What another plan, or none, put there is not ours to remove.
void RefuseOthersFolder(const SweepChoice& choice) {
  const std::string folder = choice.folder_or_default();
  const std::string name = LoadSweepPlan(choice.plan, choice.overrides).name;
  const std::string there = OpenSweepFolder(folder).plan.name;
  if (there == name) return;
  throw InputError(fmt::format(
      "'{}' holds the sweep '{}', not '{}': --force removes what this plan does not ask for",
      folder, there, name));
}

}  // namespace

int SweepRunVerb(CommandLine& line) {
  RunOptionsOfUser options;
  line.description(kRunDescription);
  AddSweepOptions(line, options.choice);
  AddJobs(line, options.run.units.jobs);
  line.add_option("--shard", options.shard, "i/n: only part i of n, so that n machines share it")
      ->capture_default_str();
  line.add_option("--retries", options.run.units.retries,
                  "how often a run that failed is tried again, but for bad input")
      ->check(CLI::Range(0, 100))
      ->capture_default_str();
  line.add_flag("--retry-failed", options.run.units.retries_failed,
                "also try those again that failed in an earlier call");
  line.add_flag("--quiet", options.run.is_quiet, "nothing on stderr but errors");
  line.Parse();
  options.run.units.shard = ParseShard(options.shard);
  CatchInterrupts();
  const Sweep sweep = OpenSweep(options.choice);
  return Report(RunSweepUnits(sweep, options.run));
}

int SweepListVerb(CommandLine& line) {
  SweepChoice choice;
  bool todo = false, failed = false;
  line.description(
      "Lists the runs of a plan, one line each: done, failed (and why) or todo, the path of its "
      "results, its name. With --todo only the paths, for other programs:\n\n"
      "  hat sweep list PLAN.toml --todo | parallel hat sweep unit {}");
  AddSweepOptions(line, choice);
  CLI::Option* const only_todo = line.add_flag("--todo", todo, "only the paths of those to do");
  line.add_flag("--failed", failed, "only those that failed")->excludes(only_todo);
  line.Parse();
  std::optional<State> only;
  if (todo) only = State::kTodo;
  if (failed) only = State::kFailed;
  // Who runs single units finds in the folder what they are.
  PrintResult(Listing(todo ? OpenSweep(choice) : LookAtSweep(choice), only));
  return 0;
}

int SweepUnitVerb(CommandLine& line) {
  std::vector<std::string> paths;
  SweepRunOptions options;
  line.description(
      "Runs single units of a sweep, unless they are done, one after the other. A unit is named by "
      "the path of its results, FOLDER/units/KEY.");
  line.add_option("unit", paths, "as 'hat sweep list PLAN --todo' prints them")->required();
  line.add_flag("--quiet", options.is_quiet, "nothing on stderr but errors");
  line.Parse();
  CatchInterrupts();
  return RunUnits(paths, options);
}

int SweepCleanVerb(CommandLine& line) {
  SweepChoice choice;
  line.description(
      "Removes from a sweep's folder what its plan does not ask for now: results of runs that are "
      "no longer in it or whose inputs or program have changed; and what runs that were killed "
      "left, and the notes of failed ones, which are then to do again.");
  AddSweepOptions(line, choice);
  bool is_forced = false;
  line.add_flag("--force", is_forced, "also where another plan's runs lie");
  line.Parse();
  if (!is_forced) RefuseOthersFolder(choice);
  const Sweep sweep = OpenSweep(choice);
  const int removed = UnitStore(sweep.folder).Clean(sweep.units);
  PrintResult(fmt::format("removed the results of {} runs\n", removed));
  return 0;
}

}  // namespace hat
