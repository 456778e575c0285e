// Simulations under the laws, in processes of their own: SimGrid allows one a process.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "experiments/scenario/scenario.h"
#include "experiments/watch/recorder.h"
#include "protocol/observer.h"
#include "sim/engine.h"

namespace hat {

// A stage event without the batch that it points to.
struct StageRow {
  int replica = 0, ordinal = 0, stage = 0, tokens = 0;
  Span span;
  Seconds linked;
};

// What became of a run, and all that was told.
struct WatchedRun {
  bool is_complete = false;
  std::vector<RequestRow> rows;
  std::vector<DeviceOpEvent> ops;
  std::vector<FrameEvent> frames;
  std::vector<StageRow> stages;
  std::vector<RoundEvent> rounds;
  std::vector<TokenEvent> tokens;
  std::string log;  // of TextLog
  std::string summary;

  const RequestRow& row(int request = 0) const { return rows.at(static_cast<size_t>(request)); }
  std::vector<DeviceOpEvent> OpsOf(int request) const;
  std::vector<FrameEvent> FramesOf(int request, Direction direction) const;
  std::vector<RoundEvent> RoundsOf(int request) const;
};

struct WatchOptions {
  std::optional<EngineKind> engine = std::nullopt;
  bool keeps_events = true;
};

// Plays the scenario in this process: on fibers any number of times. A broken law is a RunError.
WatchedRun RunHere(const Scenario& scenario, const WatchOptions& options = {});

// Plays the scenario in a child process. Rethrows InputError and RunError here; a child that dies
// is a failure of the test.
WatchedRun RunInChild(const Scenario& scenario, const WatchOptions& options = {});

// Runs `body` in a child process and returns the text that it returns; rethrows likewise.
std::string TextFromChild(const std::function<std::string()>& body);

}  // namespace hat
