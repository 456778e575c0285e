#include "experiments/sweep/slurm_script.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "experiments/plan/plan.h"

namespace hat {
namespace {

// {0}: the words of the command, {1}: tasks, {2}: seconds of patience, {3}: the sweep's folder.
constexpr const char* kBody = R"sh(
# By 'hat sweep slurm', whose --help says more; to be submitted with sbatch, as often as you like:
# what is done is not done again.
set -u

folder={3}
run=({0} --shard "$SLURM_ARRAY_TASK_ID/{1}")

# Of the whole sweep: units that are done or have failed.
ended() {{ find "$folder/units" "$folder/failed" -mindepth 1 -maxdepth 1 | wc -l; }}
say() {{ echo "sweep.sbatch: $(date '+%F %T'), $task: $1" >&2; }}

task="task $SLURM_ARRAY_TASK_ID of {1}"
hat='' out_of_time='' signalled=''
stop() {{
  signalled=1 out_of_time=1
  [ -n "$hat" ] || return 0
  kill -TERM "$hat"
  {{ sleep {2} && kill -KILL "$hat"; }} >/dev/null 2>&1 &
}}
trap stop USR1          # the time limit is near
trap 'signalled=1' TERM # preempted or cancelled: hat has been told by Slurm itself

say "starts on $(hostname), restarted ${{SLURM_RESTART_COUNT:-0}} times"
before=$(ended)
"${{run[@]}}" &
hat=$!
[ -z "$out_of_time" ] || stop
while
  signalled=''
  wait "$hat"
  status=$?
  [ -n "$signalled" ]
do :; done

if [ -z "$out_of_time" ] || [ "$status" -eq 0 ]; then exit "$status"; fi
if [ "$(ended)" -le "$before" ]; then
  say 'no run ended within the time limit, so it does not come back; a longer --time may help'
  exit 1
fi
say 'its time is up; it comes back'
# Not by SLURM_JOB_ID, which of one task is that of the array: all tasks would begin anew.
scontrol requeue "${{SLURM_ARRAY_JOB_ID}}_$SLURM_ARRAY_TASK_ID"
)sh";

void RefuseLineBreaks(const std::string& text) {
  const size_t end = text.find_first_of("\n\r");
  if (end == std::string::npos) return;
  throw InputError(fmt::format("a line break after '{}': a script of Slurm's cannot hold it",
                               text.substr(0, end)));
}

// A value in a line of #SBATCH.
std::string QuotedForSbatch(const std::string& value) {
  std::string quoted;
  for (const char c : value) {
    if (c == '"') quoted += '\\';
    quoted += c;
  }
  return fmt::format("\"{}\"", quoted);
}

// In a file's name for Slurm, which replaces %A, %a and others.
std::string QuotedForPattern(const std::string& path) {
  std::string quoted;
  for (const char c : path) quoted.append(c == '%' ? 2 : 1, c);
  return quoted;
}

std::string Directives(const SlurmScriptOptions& options) {
  const std::string log =
      fmt::format("{}/%A_%a.log", QuotedForPattern(SlurmLogFolder(options.folder)));
  std::vector<std::string> lines = {
      "--job-name=hat-sweep",
      fmt::format("--array=1-{}", options.tasks),
      "--ntasks=1",
      fmt::format("--cpus-per-task={}", options.cpus),
      fmt::format("--time={}", options.time),
      "--requeue",
      "--signal=B:USR1@60",
      "--open-mode=append",
      fmt::format("--output={}", QuotedForSbatch(log)),
  };
  if (!options.partitions.empty()) {
    lines.push_back(fmt::format("--partition={}", fmt::join(options.partitions, ",")));
  }
  lines.insert(lines.end(), options.extra.begin(), options.extra.end());
  std::string text;
  for (const std::string& line : lines) {
    RefuseLineBreaks(line);
    text += fmt::format("#SBATCH {}\n", line);
  }
  return text;
}

}  // namespace

std::string SlurmLogFolder(const std::string& folder) { return folder + "/slurm"; }

std::string SlurmScript(const SlurmScriptOptions& options) {
  if (options.folder.find('\\') != std::string::npos) {
    throw InputError(fmt::format(
        "'{}': Slurm finds no log file in a folder with a backslash in its name", options.folder));
  }
  std::vector<std::string> words = {options.program, "sweep", "run", options.plan};
  words.insert(words.end(), {"--out", options.folder});
  for (const std::string& text : options.overrides) words.insert(words.end(), {"--set", text});
  words.insert(words.end(), {"--jobs", std::to_string(options.cpus)});
  for (std::string& word : words) {
    RefuseLineBreaks(word);
    word = QuotedForShell(word);
  }
  return "#!/usr/bin/env bash\n" + Directives(options) +
         fmt::format(kBody, fmt::join(words, " "), options.tasks, kSlurmPatienceS,
                     QuotedForShell(options.folder));
}

int SlurmTasks(size_t units, Seconds unit, Seconds wanted, int cpus, int max_array_size) {
  const double tasks = std::ceil(double(units) * (unit / wanted) / cpus);
  const double most = std::min(double(max_array_size - 1), double(units));
  return std::max(1, static_cast<int>(std::min(tasks, most)));
}

}  // namespace hat
