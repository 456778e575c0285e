// hat sweep slurm: a sweep as a job array of Slurm's.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "cli/plain_verbs.h"
#include "cli/sweep_options.h"
#include "core/child_processes.h"
#include "core/error.h"
#include "core/files.h"
#include "core/interrupt.h"
#include "experiments/plan/plan.h"
#include "experiments/sweep/slurm_script.h"
#include "experiments/sweep/unit_store.h"

namespace hat {
namespace {

namespace fs = std::filesystem;

constexpr const char* kSweepSlurmDescription =
    "Writes a script for sbatch: a job array whose tasks run what is to do of a sweep, some "
    "minutes each. Tasks that are preempted, that lose their node or whose time is up come back "
    "and "
    "go on. The folder must be one that all nodes see, and so must plan, scenarios and program.\n\n"
    "  hat sweep slurm PLAN.toml --partition short --sbatch=--account=mine --submit";

constexpr size_t kMostMeasured = 5;             // units, to know how long one takes
constexpr std::chrono::seconds kMeasuring{20};  // and so long at most, but for the first

struct SlurmOptions {
  SweepChoice choice;
  SlurmScriptOptions script;
  double minutes = 10;
  std::optional<double> unit_seconds;
  std::string file;
  bool submits = false;
};

void AddSlurmOptions(CommandLine& line, SlurmOptions& options) {
  AddSweepOptions(line, options.choice);
  line.add_option("--minutes", options.minutes,
                  "what a task is to take: long beside the seconds in which Slurm starts it")
      ->check(CLI::Range(0.1, 10'000.0))
      ->capture_default_str();
  line.add_option("--unit-seconds", options.unit_seconds,
                  "what a run takes on a node; without it some runs are timed here, and stay done")
      ->check(CLI::Range(1e-3, 1e6));
  line.add_option("--cpus,--jobs", options.script.cpus, "of a task: so many runs at once")
      ->check(CLI::Range(1, 1024))
      ->capture_default_str();
  line.add_option("--time", options.script.time,
                  "time limit of a task, as sbatch takes it; without it three times --minutes, ten "
                  "minutes at least. A task goes on, in a new one, where its limit came too early");
  line.add_option("--partition", options.script.partitions, "where to; may be repeated")
      ->expected(1)
      ->take_all();
  line.add_option("--sbatch", options.script.extra,
                  "one more option of sbatch, as --sbatch=--account=mine; may be repeated")
      ->type_name("OPTION")
      ->expected(1)
      ->take_all();
  line.add_option("--script", options.file, "the file; without it FOLDER/sweep.sbatch, replaced");
  line.add_flag("--submit", options.submits, "gives it to sbatch, and prints the job's number");
}

struct Output {
  int exit_code = 0;
  std::string text;
};

// What a shell's command says on stdout; its stderr is ours.
Output OutputOf(const std::string& command) {
  std::FILE* const pipe = ::popen(command.c_str(), "r");
  if (pipe == nullptr) throw RunError(fmt::format("cannot start '{}'", command));
  Output output;
  char buffer[4096];
  while (const size_t count = std::fread(buffer, 1, sizeof buffer, pipe)) {
    output.text.append(buffer, count);
  }
  output.exit_code = ::pclose(pipe);
  return output;
}

// The site's limit on a job array, from a line "MaxArraySize            = 1001".
int MaxArraySize() {
  const std::string text = OutputOf("scontrol show config 2>/dev/null").text;
  const size_t key = text.find("MaxArraySize");
  const size_t digit = key == std::string::npos ? key : text.find_first_of("0123456789", key);
  int size = 0;
  if (digit != std::string::npos) {
    std::from_chars(text.data() + digit, text.data() + text.size(), size);
    if (size < 2) throw RunError("this cluster allows no job arrays (MaxArraySize is 0)");
    return size;
  }
  std::fputs(fmt::format("'scontrol show config' tells no MaxArraySize here; {}, which is what "
                         "Slurm has unless its site changes it, is assumed\n",
                         kDefaultMaxArraySize)
                 .c_str(),
             stderr);
  return kDefaultMaxArraySize;
}

std::vector<std::string> KeysToDo(const Sweep& sweep) {
  const UnitStore store(sweep.folder);
  const std::set<std::string> done = store.Done();
  const std::map<std::string, UnitFailure> failed = store.Failed();
  std::vector<std::string> keys;
  for (const Unit& unit : sweep.units) {
    if (!done.contains(unit.key) && !failed.contains(unit.key)) keys.push_back(unit.key);
  }
  return keys;
}

// Runs the first few of `keys`, which are in no order, and takes them off.
Seconds MeasuredUnit(const Sweep& sweep, std::vector<std::string>& keys) {
  using Clock = std::chrono::steady_clock;
  CatchInterrupts();
  const Clock::time_point start = Clock::now();
  size_t run = 0;
  while (run < std::min(kMostMeasured, keys.size()) && Clock::now() - start < kMeasuring) {
    SweepRunOptions options;
    options.is_quiet = true;
    options.units.keys = {keys[run]};
    const UnitOutcome outcome = RunSweepUnits(sweep, options);
    if (IsInterrupted()) throw RunError("interrupted");
    if (!outcome.failed.empty()) {
      throw RunError("a run failed while some were timed: 'hat sweep list PLAN --failed' says why");
    }
    ++run;
  }
  const Seconds each(std::chrono::duration<double>(Clock::now() - start).count() / double(run));
  keys.erase(keys.begin(), keys.begin() + std::ptrdiff_t(run));
  std::fputs(fmt::format("{} of the runs to do were timed here and are done: {:.2g} s each\n", run,
                         each.value())
                 .c_str(),
             stderr);
  return each;
}

void FillScript(SlurmOptions& options, const Sweep& sweep, size_t units, Seconds unit) {
  SlurmScriptOptions& script = options.script;
  const auto absolute = [](const std::string& path) {
    return fs::absolute(path).lexically_normal().string();
  };
  script.program = ProgramFolder() + "/hat";
  script.plan = absolute(options.choice.plan);
  script.folder = absolute(sweep.folder);
  script.overrides = options.choice.overrides;
  const Seconds wanted(options.minutes * 60);
  script.tasks = SlurmTasks(units, unit, wanted, script.cpus, MaxArraySize());
  const double minutes = double(units) * unit.value() / 60 / script.tasks / script.cpus;
  if (script.time.empty()) {
    script.time =
        fmt::format("{}", std::max(10.0, std::ceil(3 * std::max(minutes, options.minutes))));
  }
  PrintResult(fmt::format("{} runs to do, in {} tasks of about {:.2g} minutes, limit {}\n", units,
                          script.tasks, minutes, script.time));
}

void Submit(const std::string& file) {
  const Output job = OutputOf("sbatch --parsable " + QuotedForShell(file));
  if (job.exit_code != 0) throw RunError(fmt::format("sbatch did not take '{}'", file));
  PrintResult(fmt::format("submitted as job {}", job.text));
}

}  // namespace

int SweepSlurmVerb(CommandLine& line) {
  SlurmOptions options;
  line.description(kSweepSlurmDescription);
  AddSlurmOptions(line, options);
  line.Parse();
  const Sweep sweep = OpenSweep(options.choice);
  std::vector<std::string> keys = KeysToDo(sweep);
  Seconds unit(options.unit_seconds.value_or(0));
  if (!options.unit_seconds && !keys.empty()) unit = MeasuredUnit(sweep, keys);
  if (keys.empty()) {
    PrintResult("nothing is to do\n");
    return 0;
  }
  FillScript(options, sweep, keys.size(), unit);
  if (options.file.empty()) options.file = sweep.folder + "/sweep.sbatch";
  WriteFileAtomically(options.file, SlurmScript(options.script));
  std::error_code error;
  fs::create_directories(SlurmLogFolder(sweep.folder), error);
  if (error) throw RunError(fmt::format("cannot write '{}': {}", sweep.folder, error.message()));
  SayWritten(options.file);
  if (options.submits) {
    Submit(fs::absolute(options.file));
  } else {
    std::fputs(fmt::format("to be submitted by: sbatch {}\n", QuotedForShell(options.file)).c_str(),
               stderr);
  }
  return 0;
}

}  // namespace hat
