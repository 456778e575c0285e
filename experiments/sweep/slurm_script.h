// A sweep as a job array for Slurm: the text of a batch script whose tasks each run a part of the
// units (Shard), so that a sweep of a million units is a few hundred jobs of minutes.
//
// A task ends in one of these ways, and nothing that is done is lost by any:
// - All its runs are done or failed.
// - Its time limit is near. Slurm then sends SIGUSR1, to the script alone (--signal=B:USR1@60). It
//   lets the runs under way end, or kills them after kSlurmPatienceS, and puts the task back in
//   the queue, but only if a run ended in this sweep meanwhile: a run that takes longer than the
//   limit would come back for ever.
// - It is preempted, cancelled, or its node goes down. Slurm then sends SIGTERM to all processes of
//   the task, hat among them, and SIGKILL after KillWait; by --requeue it puts back what it
//   preempted or lost, itself. So SIGTERM would not tell a script whether to requeue; SIGUSR1 does.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "core/units.h"

namespace hat {

inline constexpr int kDefaultMaxArraySize = 1001;  // Slurm's own
inline constexpr int kSlurmPatienceS = 45;  // of the 60 s between the signal and the time limit

struct SlurmScriptOptions {
  std::string program, plan, folder;   // absolute: `hat`, the plan's file, the sweep's folder
  std::vector<std::string> overrides;  // SweepPlan's
  int tasks = 1;
  int cpus = 1;                         // of a task: so many runs at once
  std::string time;                     // limit of a task, as sbatch --time takes it
  std::vector<std::string> partitions;  // none: the site's default
  std::vector<std::string> extra;       // more options of sbatch, each as it follows #SBATCH
};

// Where the tasks' output goes; to be made before they are submitted: Slurm does not.
std::string SlurmLogFolder(const std::string& folder);

// Throws InputError for what no script can hold: line breaks, and a backslash in the folder.
std::string SlurmScript(const SlurmScriptOptions& options);

// How many tasks share `units` runs of `unit` each, `cpus` at a time, if a task is to take
// `wanted`; at least 1, at most one a run and as many as an array may have (MaxArraySize - 1: its
// numbers are below that, and begin with 1 here).
int SlurmTasks(size_t units, Seconds unit, Seconds wanted, int cpus, int max_array_size);

}  // namespace hat
