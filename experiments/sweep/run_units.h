// Runs the units of a sweep that are still to do, each in a process of its own, some at once. Any
// number of programs may do so in one folder at a time: they share the work (unit_locks.h). What is
// done stays done however a program ends; what it was at is done again.
#pragma once

#include <chrono>
#include <deque>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "core/child_processes.h"
#include "experiments/sweep/sweep.h"
#include "experiments/sweep/unit_locks.h"
#include "experiments/sweep/unit_store.h"

namespace hat {

// Part `index` (from 1) of `count`: every count-th unit.
struct Shard {
  int index = 1;
  int count = 1;
};

enum class Stop {
  kNo,
  kWhenEnded,  // no other unit starts
  kNow,        // and those that run are stopped, to be run again later
};

struct UnitRunOptions {
  // What many units need alike, as files to be read, is done here once: called in this process
  // before a unit's own, which is a copy of it. What it throws ends the whole run.
  std::function<void(const Cell& cell)> prepare;
  // Runs a cell and puts its results into the folder, which does not exist; in a process of its
  // own. They must be those that the key stands for.
  std::function<void(const Cell& cell, const std::string& key, const std::string& results)> run;
  int jobs = 1;
  int retries = 0;              // of a unit that failed, but for bad input
  bool retries_failed = false;  // also those that failed in earlier calls
  Shard shard;
  std::vector<std::string> keys;  // only these, in this order; empty: all of the shard
  // After a failure no other unit starts, those after the failed one are stopped and those before
  // it go on, so that which failure is told does not depend on who was faster.
  bool stops_at_failure = false;
  std::function<Stop()> stop;
  // Of the units asked for: how many are done or failed, at first and after each; and all.
  std::function<void(size_t ended, size_t all)> on_progress;
};

struct UnitOutcome {
  size_t all = 0;  // units asked for
  size_t done = 0;
  size_t run = 0;  // by this call
  bool is_stopped = false;
  // Keys, in the order of the units; of those that stopped at a failure only the first.
  std::vector<std::string> failed;
};

class UnitRun {
 public:
  // `sweep` must outlive it.
  UnitRun(const Sweep& sweep, UnitRunOptions options);

  // Once. Returns when all units asked for are done or failed, by whomever, or when it is stopped.
  // Throws RunError if the folder cannot be written to.
  UnitOutcome Run();

 private:
  using Clock = std::chrono::steady_clock;
  // A place is an index in `asked_`.
  struct Waiting {
    size_t place = 0;
    Clock::time_point not_before;  // to be looked at again: somebody else runs it
  };

  void Choose();
  bool StartNext();
  bool EndedElsewhere(size_t place);
  void Start(size_t place);
  void Take(const EndedChild& ended);
  void Fail(size_t place);
  bool IsStopped();
  void Tell() const;
  const std::string& KeyOf(size_t place) const { return sweep_.units[asked_[place]].key; }

  const Sweep& sweep_;
  const UnitRunOptions options_;
  UnitLocks locks_;
  UnitStore store_;
  const std::vector<size_t> asked_;  // units, in the order in which they are started
  size_t end_;                       // no unit from this place on is started
  std::deque<Waiting> waiting_;
  std::map<size_t, int> attempts_;
  std::set<size_t> failed_;
  Stop stop_ = Stop::kNo;
  UnitOutcome outcome_;
  ChildProcesses children_;
};

}  // namespace hat
