// What the verbs of a sweep have in common: which plan, in which folder.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "cli/progress_line.h"
#include "core/program.h"
#include "experiments/sweep/run_units.h"
#include "experiments/sweep/sweep.h"

namespace hat {

struct SweepChoice {
  std::string plan;
  std::string folder;  // empty: results/NAME, NAME the plan's file without .toml
  std::vector<std::string> overrides;

  std::string folder_or_default() const;
};

// The argument PLAN, --out and --set.
void AddSweepOptions(CommandLine& line, SweepChoice& choice);

// --jobs: by default as many as there are processors.
void AddJobs(CommandLine& line, int& jobs);

// The words that start this program's 'hat simulate', whose results those of a unit are.
std::vector<std::string> Simulator();

// Opens the sweep for this program. Throws as OpenSweep.
Sweep OpenSweep(const SweepChoice& choice);
// The same for who only looks: makes no folder where there is none.
Sweep LookAtSweep(const SweepChoice& choice);

// One of several plans that share the units of a folder (Merged).
struct FigureSweep {
  std::string plan;
  std::string folder;
  bool is_quick = false;
};
Sweep OpenSweep(const FigureSweep& figure);

// Throws InputError if the inputs of the unit's cell are no longer those that its key stands for.
void RequireFresh(const Sweep& sweep, const std::string& key);

// "i/n", i from 1 to n.
Shard ParseShard(const std::string& text);  // throws InputError

// Runs units with a progress line; says on stderr what failed, and the command by which a failed
// one runs alone.
struct SweepRunOptions {
  UnitRunOptions units;  // but for `run`, `stop` and `on_progress`
  bool is_quiet = false;
  bool says_failures = true;  // false: who calls does
  // Whether what is done is there for the next call. An interrupt lets the units that run end then,
  // else it stops them.
  bool keeps_units = true;
  // Where the units are a part of longer work: its line, and what that says of it from how many of
  // these have ended.
  struct Part {
    ProgressLine* line;
    std::function<Progress(size_t ended)> of;
  };
  std::optional<Part> part;
};
UnitOutcome RunSweepUnits(const Sweep& sweep, const SweepRunOptions& options);

// The same for who needs all of them: throws RunError where it is interrupted (with where the same
// command goes on, if it does), and what the first unit that failed says, as InputError or
// RunError.
UnitOutcome RunAllUnits(const Sweep& sweep, const SweepRunOptions& options,
                        const std::string& goes_on_in);

}  // namespace hat
