// Plays a scenario on live programs, of this machine or of an inventory's: a cloud and a process
// per device, over real sockets, with real tokens, their compute paced to the scenario's hardware,
// their links shaped to its links. Results are a simulation's files, and a receipt.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "core/progress.h"
#include "experiments/results/results.h"
#include "experiments/scenario/scenario.h"
#include "experiments/validate/receipt.h"
#include "experiments/watch/recorder.h"

namespace hat {

struct ReplayOptions {
  std::string scenario;
  std::vector<std::string> overrides;
  std::string model;              // folder of the checkpoint that serves
  std::string prompts;            // CSV with token ids, a row for each prompt row of the scenario
  double time_scale = 1;          // seconds of the machine's clock per second of the scenario
  bool is_paced = true;           // else compute lasts as long as it lasts, on links as they are
  bool is_kernel_shaped = false;  // paced: the kernel slows the links down, else the programs do
  std::string inventory;          // file of the machines that serve, unpaced; empty: this one
  int threads = 1;                // of each process, that compute
  std::string out;                // folder for the results; empty: none
  bool replaces = false;          // earlier results there
  bool keeps_events = false;      // also events.jsonl
  bool checks_laws = false;
  bool has_reference = true;  // the whole model answers each prompt too, for the receipt
  std::function<bool(const Progress&)> on_progress;  // false: end it
  std::function<void(const std::string& line)> log;
};

// Of its results: "emulated" where compute is paced, else "measured".
std::string WorldOf(const ReplayOptions& options);
// Of its receipt: who slows the links down ("transport", "kernel"), or "none".
std::string ShapingOf(const ReplayOptions& options);

struct ReplayResult {
  RunInfo info;
  std::string summary_json;
  std::unique_ptr<Recorder> recorder;
  Receipt receipt;
  std::vector<std::string> lost;  // devices that ended before their time, and why
};

// Throws InputError: a scenario that cannot be replayed (not split, a closed loop, shared links),
// a model or prompts that do not fit it; RunError: a program that fails before the run, results
// that cannot be written.
ReplayResult Replay(const ReplayOptions& options);

// What a replay needs of this machine.
struct ReplayNeeds {
  int processes = 0;
  Bytes memory;      // that they take, about
  Seconds duration;  // until the last arrival: on the machine's clock
  int requests = 0;
  // That the programs compute for, all together and about: with models/small, once they have
  // loaded.
  Seconds computing;
  double time_scale = 0;  // from which on, about, half of this machine's cores are enough for that
};
ReplayNeeds NeedsOf(const ReplayOptions& options);

}  // namespace hat
