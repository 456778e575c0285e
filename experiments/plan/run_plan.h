// Runs the cells of a plan, each by 'hat simulate' in a process of its own, some at once. Books are
// kept in the folder's status.json: a plan that is run into a folder again runs only those cells
// that are not done there with the same inputs (cell_inputs.h), however the earlier one ended.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "core/child_processes.h"
#include "core/interrupt.h"
#include "experiments/plan/plan.h"
#include "experiments/plan/status.h"

namespace hat {

struct PlanOptions {
  std::vector<std::string> program;  // the words that start 'hat simulate'
  std::string folder;                // of the plan's results; exists, and is this plan's alone
  std::string earlier;  // of an earlier plan, from which what is done is copied; empty: none
  int jobs = 1;         // cells at once
  int retries = 0;      // of each cell that failed; none for bad input (exit code 2)
  // After a failure: run all others too. Without it no more start, those after the failed one are
  // stopped and those before it go on, so that which failure is told does not depend on who was
  // faster.
  bool keeps_going = false;
  std::function<bool()> is_interrupted = IsInterrupted;  // true: all are stopped
  std::function<void(int)> on_done;  // the number of cells done, at first and after each
};

struct CellFailure {
  size_t cell = 0;
  int exit_code = 0;  // 128 + signal if a signal ended it
  std::string reason;
};

struct PlanOutcome {
  bool is_interrupted = false;
  int done = 0;
  std::vector<CellFailure>
      failures;  // in the order of the cells; only the first unless it kept going
};

class PlanRun {
 public:
  // Takes over what is done, removes what an earlier plan left in the folder beside it. `plan` must
  // outlive it. Throws InputError for cells that cannot be run, RunError.
  PlanRun(const Plan& plan, PlanOptions options);

  int done() const { return done_; }

  // Once. Returns when no cell runs any more. Throws RunError if one cannot start, or a file cannot
  // be written.
  PlanOutcome Run();

 private:
  using Clock = std::chrono::steady_clock;

  void TakeOver(const std::string& folder);
  bool CanStart() const;
  void Start(size_t cell);
  void Take(const EndedChild& ended);
  bool IsStopped();
  std::string FolderOf(size_t cell) const;
  void WriteStatus();

  const Plan& plan_;
  const PlanOptions options_;
  std::vector<CellStatus> statuses_;  // by cell
  std::set<size_t> pending_;
  size_t end_;  // no cell from here on starts
  int done_ = 0;
  bool is_interrupted_ = false;
  std::vector<CellFailure> failures_;
  Clock::time_point status_is_due_;
  ChildProcesses children_;
};

}  // namespace hat
