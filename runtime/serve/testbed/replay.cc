#include "runtime/serve/testbed/replay.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>

#include "core/error.h"
#include "core/files.h"
#include "core/machine.h"
#include "experiments/hardware/scenario_profiles.h"
#include "experiments/laws/laws.h"
#include "experiments/results/run_setup.h"
#include "experiments/scenario/workload.h"
#include "experiments/watch/event_file.h"
#include "runtime/serve/testbed/inventory.h"
#include "runtime/serve/testbed/shaped_network.h"
#include "runtime/serve/testbed/testbed.h"

namespace hat {
namespace {

constexpr Bytes kProcessMemory(200e6);
// As the receipts of docs/validation.md's replays have it (cpu_s), on an EPYC 7003.
constexpr Seconds kPerPromptToken(0.3e-3), kPerOutputToken(6.5e-3);

Scenario LoadReplayable(const ReplayOptions& options) {
  Scenario scenario = LoadScenario(options.scenario, options.overrides);
  const auto refuse = [&](const std::string& why) {
    throw InputError(fmt::format("{}: cannot be replayed: {}", options.scenario, why));
  };
  if (!scenario.system.is_split()) {
    refuse(fmt::format("system '{}' is not split between device and cloud", scenario.system.name));
  }
  if (scenario.link.kind == LinkConfig::Kind::kShared) refuse("its links are shared");
  if (scenario.workload.arrivals.kind == ArrivalConfig::Kind::kClosedLoop) {
    refuse("a closed loop's arrivals are known only while it runs; take an open loop or a replay");
  }
  if (scenario.fleet.draft_batching) refuse("fleet.draft_batching is the simulator's alone");
  return scenario;
}

std::optional<Inventory> InventoryOf(const ReplayOptions& options, const Scenario& scenario) {
  if (options.inventory.empty()) return std::nullopt;
  HAT_CHECK(!options.is_paced);
  Inventory inventory = LoadInventory(options.inventory);
  const auto count = static_cast<int>(inventory.devices.size());
  if (count == scenario.devices()) return inventory;
  throw InputError(
      fmt::format("{}: {} devices, but {} in the scenario {} (fleet.class.0.count, "
                  "fleet.scale)",
                  options.inventory, count, scenario.devices(), options.scenario));
}

// How far the times of two hosts may be apart that are the same: each clock is known so well, and
// drifts meanwhile.
Seconds ClockTolerance(const Receipt& receipt) {
  double most_ms = 0;
  for (const ReceiptClock& clock : receipt.clocks) {
    most_ms = std::max(most_ms, clock.uncertainty_ms + std::abs(clock.after_ms - clock.before_ms));
  }
  return Milliseconds(2 * most_ms);
}

std::string EngineOf(const std::optional<Inventory>& inventory) {
  if (!inventory) return "live processes on one machine";
  return fmt::format("live processes on {} machines", 1 + inventory->devices.size());
}

}  // namespace

std::string WorldOf(const ReplayOptions& options) {
  return options.is_paced ? "emulated" : "measured";
}

std::string ShapingOf(const ReplayOptions& options) {
  if (!options.is_paced) return "none";
  return options.is_kernel_shaped ? "kernel" : "transport";
}

ReplayResult Replay(const ReplayOptions& options) {
  std::optional<ResultFolder> folder;
  if (!options.out.empty()) folder.emplace(options.out, options.replaces);
  const Scenario scenario = LoadReplayable(options);
  const Fleet fleet(scenario);
  ProfileReader reader;
  const ScenarioProfiles profiles = ScenarioProfiles::Read(scenario, reader);
  profiles.CheckCover(scenario, Workload(scenario));

  if (options.is_kernel_shaped) ShapedNetwork::CheckUsable(scenario);
  const std::optional<Inventory> inventory = InventoryOf(options, scenario);
  Testbed testbed(options, scenario, inventory ? &*inventory : nullptr);
  testbed.Play();
  if (options.has_reference) testbed.AskWholeModel();

  ReplayResult result;
  result.info = RunInfoOf(scenario, profiles.infos(), EngineOf(inventory));
  result.info.world = WorldOf(options);
  result.lost = testbed.lost();
  result.receipt = testbed.MergedReceipt();
  result.recorder = std::make_unique<Recorder>(RecorderOptionsOf(scenario, fleet));
  ObserverList observers;
  observers.Add(result.recorder.get());
  std::optional<Laws> laws;
  if (options.checks_laws) {
    LawOptions law_options = LawOptionsOf(scenario);
    law_options.has_real_links = !options.is_paced || options.is_kernel_shaped;
    law_options.tolerance = ClockTolerance(result.receipt);
    observers.Add(&laws.emplace(law_options));
  }
  std::optional<EventWriter> events;
  if (folder && options.keeps_events) {
    observers.Add(&events.emplace(folder->staging() + "/events.jsonl"));
  }
  ReadEvents(testbed.event_files(), observers);
  if (events) events->Finish();
  if (laws) {
    laws->Finish(!result.lost.empty());
    laws->Require();
  }
  result.summary_json = SummaryJson(*result.recorder, result.info);
  if (folder) {
    WriteResults(*folder, *result.recorder, result.info);
    folder->Write("receipt.json", ReceiptJson(result.receipt));
    folder->Commit();
  }
  return result;
}

ReplayNeeds NeedsOf(const ReplayOptions& options) {
  const Scenario scenario = LoadReplayable(options);
  const std::vector<Request> requests = AllRequests(scenario);
  ReplayNeeds needs;
  needs.processes = scenario.devices() + 1;
  needs.memory = kProcessMemory * needs.processes;
  needs.requests = static_cast<int>(requests.size());
  const Seconds last = requests.empty() ? Seconds(0) : requests.back().arrival;
  needs.duration = last * options.time_scale;
  for (const Request& request : requests) {
    needs.computing +=
        kPerPromptToken * request.prompt_tokens + kPerOutputToken * request.output_tokens;
  }
  if (last > Seconds(0)) needs.time_scale = needs.computing / (0.5 * CoreCount() * last);
  return needs;
}

}  // namespace hat
