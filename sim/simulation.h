// One simulated run: the scenario's devices, links and cloud, the protocol's own code in between.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/progress.h"
#include "experiments/hardware/scenario_profiles.h"
#include "experiments/scenario/fleet.h"
#include "experiments/scenario/scenario.h"
#include "experiments/scenario/workload.h"
#include "protocol/observer.h"
#include "sim/engine.h"

namespace hat {

// How far a run has come; told now and then while it runs.
struct SimulationProgress : Progress {  // in requests
  Seconds simulated;
};

// Called about every 50 ms of simulated time. False ends the run: requests in flight stay so.
using OnProgress = std::function<bool(const SimulationProgress&)>;

class Simulation {
 public:
  // Reads what the scenario names: profiles, workload, traces. Throws InputError: also for a fleet
  // that this machine cannot hold, and for lengths that the profiles do not cover.
  // Without `engine`: SimGrid where links contend (fibers are refused there), fibers elsewhere.
  // `profiles`: what reads them, and may have before; without it one of the simulation's own.
  explicit Simulation(Scenario scenario, std::optional<EngineKind> engine = std::nullopt,
                      ProfileReader* profiles = nullptr);
  ~Simulation();

  // Why the system cannot run on this hardware (device-only: the model exceeds a device's memory),
  // if so.
  std::optional<std::string> not_possible() const;

  // Plays the run; once, and on SimGrid once a process. Returns whether it ran to its end.
  bool Run(Observer& observer, const OnProgress& on_progress = {});

  EngineKind engine() const { return engine_; }
  const Scenario& scenario() const { return scenario_; }
  const Fleet& fleet() const { return fleet_; }
  std::vector<ProfileInfo> profiles() const { return profiles_.infos(); }

 private:
  class Running;
  void CheckMachineHoldsRun() const;

  Scenario scenario_;
  EngineKind engine_;
  Workload workload_;
  Fleet fleet_;
  ScenarioProfiles profiles_;
};

}  // namespace hat
