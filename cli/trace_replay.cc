#include "cli/trace_replay.h"

#include <fmt/format.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/files.h"
#include "core/interrupt.h"
#include "profiles/modelled_profile.h"
#include "sim/run.h"

namespace hat {
namespace {

// The link's latency leaves room for drafting ahead, its rates and four devices let requests meet.
constexpr const char* kScenario = R"(
name = "trace-replay"
[model]
shape = {config}
device_layers = {split}
wire_dtype = "float32"
[[fleet.class]]
name = "device"
count = 4
profiles = ["device.json"]
[link]
latency_ms = 1
[link.up]
rate_mbps = 80
[link.down]
rate_mbps = 160
[cloud]
profile = "cloud.json"
[workload]
rate_per_s = 20
requests = {requests}
[workload.prompts]
kind = "csv"
path = {prompts}
order = "file"
[workload.outputs]
tokens = {output_tokens}
[acceptance]
trace = {trace}
)";

// As a string in TOML, whose escapes are JSON's.
std::string Quoted(const std::string& path) {
  return nlohmann::json(std::filesystem::absolute(path).string()).dump();
}

std::string ScenarioText(const TraceReplay& replay) {
  return fmt::format(
      kScenario, fmt::arg("config", Quoted(replay.config)), fmt::arg("split", replay.split),
      fmt::arg("requests", replay.requests), fmt::arg("prompts", Quoted(replay.prompts)),
      fmt::arg("output_tokens", replay.output_tokens), fmt::arg("trace", Quoted(replay.trace)));
}

std::vector<ReplayedRequest> RequestsOf(const Recorder& recorder, int requests) {
  const std::vector<RequestRow>& rows = recorder.rows();
  if (static_cast<int>(rows.size()) != requests) {
    throw RunError(fmt::format("the simulator served {} requests, not {}", rows.size(), requests));
  }
  std::vector<ReplayedRequest> of_row;
  for (size_t row = 0; row < rows.size(); ++row) {
    const RequestRow& simulated = rows[row];
    HAT_CHECK(simulated.request.prompt_row == static_cast<int>(row) &&
              simulated.state == RequestRow::State::kCompleted);
    of_row.push_back({simulated.rounds, simulated.drafted, simulated.accepted,
                      simulated.ahead_steps, simulated.wasted_steps});
  }
  return of_row;
}

}  // namespace

std::vector<std::vector<ReplayedRequest>> ReplayTrace(const TraceReplay& replay,
                                                      const std::string& folder,
                                                      const std::vector<Overrides>& trials) {
  const ModelShape shape = FindModelShape(replay.config);
  const auto write_profile = [&](const char* hardware, Role role) {
    WriteFileAtomically(folder + "/" + Name(role) + ".json",
                        ProfileText(ModelProfile(FindHardware(hardware), shape, role)));
  };
  write_profile("agx-orin", Role::kDevice);
  write_profile("a6000", Role::kCloud);
  const std::string scenario = folder + "/scenario.toml";
  WriteFileAtomically(scenario, ScenarioText(replay));
  RunOptions options;
  options.checks_laws = true;
  options.on_progress = [](const SimulationProgress&) { return !IsInterrupted(); };
  std::vector<std::vector<ReplayedRequest>> replayed;
  for (const Overrides& overrides : trials) {
    const RunResult result = Run(LoadScenario(scenario, overrides), options);
    if (result.info.is_partial) throw RunError("interrupted");
    replayed.push_back(RequestsOf(*result.recorder, replay.requests));
  }
  return replayed;
}

}  // namespace hat
