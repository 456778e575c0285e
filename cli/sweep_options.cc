#include "cli/sweep_options.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <filesystem>
#include <map>
#include <thread>
#include <utility>

#include "cli/set_option.h"
#include "cli/shipped.h"
#include "core/child_processes.h"
#include "core/error.h"
#include "core/interrupt.h"
#include "experiments/plan/cell_inputs.h"
#include "sim/cell_runner.h"

namespace hat {
namespace {

const Cell& CellOf(const Sweep& sweep, const std::string& key) {
  const auto unit = std::ranges::find(sweep.units, key, &Unit::key);
  HAT_CHECK(unit != sweep.units.end(), key);
  return sweep.plan.plan.cells[unit->cell];
}

void SayFailed(const Sweep& sweep, const std::vector<std::string>& keys) {
  constexpr size_t kMost = 5;
  const std::map<std::string, UnitFailure> failed = UnitStore(sweep.folder).Failed();
  for (size_t i = 0; i < keys.size() && i < kMost; ++i) {
    const Cell& cell = CellOf(sweep, keys[i]);
    const auto failure = failed.find(keys[i]);
    std::fputs(fmt::format("{}: {}\n  alone: {}\n", cell.name,
                           failure == failed.end() ? "failed" : failure->second.reason,
                           CommandOf(sweep.plan.plan, cell))
                   .c_str(),
               stderr);
  }
  if (keys.size() > kMost) {
    std::fputs(fmt::format("and {} more\n", keys.size() - kMost).c_str(), stderr);
  }
}

SweepOptions OptionsOf(const SweepChoice& choice) {
  return {.plan = choice.plan,
          .folder = choice.folder_or_default(),
          .overrides = choice.overrides,
          .program = Simulator()};
}

}  // namespace

std::vector<std::string> Simulator() { return {ProgramFolder() + "/hat", "simulate"}; }

std::string SweepChoice::folder_or_default() const {
  if (!folder.empty()) return folder;
  return fmt::format("results/{}", std::filesystem::path(plan).stem().string());
}

void AddSweepOptions(CommandLine& line, SweepChoice& choice) {
  line.add_option("plan", choice.plan, "a TOML file; every key: docs/formats.md")
      ->required()
      ->transform(ShippedPath);
  line.add_option("--out", choice.folder,
                  "the sweep's folder; without it results/NAME, NAME the plan's without .toml");
  AddSetOption(line, choice.overrides, "every scenario");
}

void AddJobs(CommandLine& line, int& jobs) {
  jobs = std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
  line.add_option("--jobs", jobs, "runs at once")
      ->check(CLI::Range(1, 1024))
      ->capture_default_str();
}

Sweep OpenSweep(const SweepChoice& choice) { return OpenSweep(OptionsOf(choice)); }

Sweep LookAtSweep(const SweepChoice& choice) {
  SweepOptions options = OptionsOf(choice);
  options.makes_folder = false;
  return OpenSweep(options);
}

Sweep OpenSweep(const FigureSweep& figure) {
  return OpenSweep(
      SweepOptions{.plan = figure.plan,
                   .folder = figure.folder,
                   .overrides = {},
                   .program = Simulator(),
                   .is_quick = figure.is_quick,
                   .file = std::filesystem::path(figure.plan).stem().string() + ".json"});
}

void RequireFresh(const Sweep& sweep, const std::string& key) {
  CellInputs inputs(Simulator());
  if (inputs.DigestOf(sweep.plan.plan, CellOf(sweep, key)) == key) return;
  throw InputError(fmt::format(
      "unit {} in '{}': its scenario, a file that it names or the program has changed since; 'hat "
      "sweep list' with the plan gives the units anew",
      key, sweep.folder));
}

Shard ParseShard(const std::string& text) {
  Shard shard;
  const size_t slash = text.find('/');
  const auto read = [](std::string_view digits, int& value) {
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    return error == std::errc() && end == digits.data() + digits.size();
  };
  const bool is_shard = slash != std::string::npos && read(text.substr(0, slash), shard.index) &&
                        read(text.substr(slash + 1), shard.count) && shard.index >= 1 &&
                        shard.index <= shard.count;
  if (!is_shard) {
    throw InputError(fmt::format("--shard must be i/n with i from 1 to n, as 2/8, got '{}'", text));
  }
  return shard;
}

UnitOutcome RunSweepUnits(const Sweep& sweep, const SweepRunOptions& options) {
  UnitRunOptions units = options.units;
  ProgressLine own_line(std::chrono::seconds(30));
  ProgressLine& progress = options.part ? *options.part->line : own_line;
  bool is_told = false;
  CellRunner runner(sweep.plan.plan, Simulator());
  units.prepare = [&runner](const Cell& cell) { runner.Prepare(cell); };
  units.run = [&runner](const Cell& cell, const std::string& key, const std::string& results) {
    runner.Run(cell, key, results);
  };
  units.stop = [&] {
    if (!IsInterrupted()) return Stop::kNo;
    if (!options.keeps_units) return Stop::kNow;
    if (!std::exchange(is_told, true) && !options.is_quiet) {
      progress.Clear();
      std::fputs("no other run starts; those that run end first (a second signal ends all)\n",
                 stderr);
    }
    return Stop::kWhenEnded;
  };
  units.on_progress = [&](size_t ended, size_t all) {
    if (options.is_quiet) return;
    const Progress now =
        options.part
            ? options.part->of(ended)
            : Progress{.done = double(ended), .total = double(all), .counts_from_first = true};
    progress.Update(now, [&] {
      return fmt::format("{:.0f} of {}{:.0f} runs done", now.done, options.part ? "about " : "",
                         *now.total);
    });
  };
  const UnitOutcome outcome = UnitRun(sweep, std::move(units)).Run();
  progress.Clear();
  if (options.says_failures) SayFailed(sweep, outcome.failed);
  return outcome;
}

UnitOutcome RunAllUnits(const Sweep& sweep, const SweepRunOptions& options,
                        const std::string& goes_on_in) {
  const UnitOutcome outcome = RunSweepUnits(sweep, options);
  if (outcome.is_stopped) {
    throw RunError(goes_on_in.empty()
                       ? "interrupted"
                       : fmt::format("interrupted; what is done stays in '{}': the same command "
                                     "goes on there",
                                     goes_on_in));
  }
  if (outcome.failed.empty()) return outcome;
  const UnitFailure failure = UnitStore(sweep.folder).Failed().at(outcome.failed.front());
  if (failure.exit_code == 2) throw InputError(failure.reason);
  throw RunError(failure.reason);
}

}  // namespace hat
