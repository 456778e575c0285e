// One run of a scenario, from its input files to its results: all that 'hat simulate' does between
// its options and its printing.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "experiments/results/results.h"
#include "experiments/scenario/scenario.h"
#include "experiments/watch/recorder.h"
#include "protocol/observer.h"
#include "sim/engine.h"
#include "sim/simulation.h"

namespace hat {

struct RunOptions {
  std::optional<EngineKind> engine;   // what plays it; without: as Simulation chooses
  std::string out;                    // folder for the results (results.h); empty: none
  bool replaces = false;              // earlier results in `out`
  bool keeps_gaps = false;            // also gaps.csv
  bool makes_vllm = false;            // also vllm.json, and RunResult::vllm_json
  bool checks_laws = false;           // on every event
  std::optional<int> explained;       // the request whose life RunResult::explanation tells
  std::string timeline;               // file for all events (timeline.h), replaced; empty: none
  ProfileReader* profiles = nullptr;  // that reads them; null: one of the run's own
  std::vector<Observer*> observers;   // told every event, after the run's own
  OnProgress on_progress;
};

struct RunResult {
  RunInfo info;                             // is_partial: on_progress ended the run
  std::optional<std::string> not_possible;  // why; then nothing was played
  std::string summary_json;                 // as in the file
  std::optional<std::string> vllm_json;     // if asked for; nothing if not possible
  std::unique_ptr<Recorder> recorder;       // null if not possible
  std::optional<std::string> explanation;   // nothing if the run ended before that request came
  std::optional<int64_t> lawful_events;     // that the laws held for, if they were checked
};

// Plays the scenario and writes what the options ask for; files appear when all of it went well,
// and a run that was ended early writes what there is, marked partial. Prints nothing. On SimGrid
// once a process (Simulation). Throws InputError for bad inputs, and for a run that measured nobody
// unless somebody looks at single requests (`explained`, `timeline`, `observers`); RunError if a
// law is broken ("broken law: ...") or a file cannot be written.
RunResult Run(Scenario scenario, const RunOptions& options = {});

}  // namespace hat
