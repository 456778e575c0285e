#include "cli/trace_replay.h"

#include <fmt/format.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "cli/simulations.h"
#include "core/csv.h"
#include "core/error.h"
#include "core/files.h"
#include "profiles/modelled_profile.h"

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

std::vector<ReplayedRequest> ReadRequests(const std::string& path, int requests) {
  const CsvFile csv = CsvFile::Load(path);
  const auto integer = [&](int row, const char* column) {
    return static_cast<int>(csv.Integer(row, csv.ColumnIndex(column), 0, INT32_MAX));
  };
  if (csv.rows() != requests) {
    throw RunError(fmt::format("hat simulate served {} requests, not {}", csv.rows(), requests));
  }
  std::vector<ReplayedRequest> of_row(static_cast<size_t>(requests));
  for (int row = 0; row < csv.rows(); ++row) {
    HAT_CHECK(integer(row, "prompt_row") == row &&
              csv.Text(row, csv.ColumnIndex("outcome")) == "completed");
    of_row[static_cast<size_t>(row)] = {integer(row, "rounds"), integer(row, "drafted"),
                                        integer(row, "accepted"), integer(row, "ahead_steps"),
                                        integer(row, "wasted_steps")};
  }
  return of_row;
}

}  // namespace

std::vector<std::vector<ReplayedRequest>> ReplayTrace(const TraceReplay& replay,
                                                      const std::string& folder,
                                                      const std::vector<ReplayTrial>& trials,
                                                      int jobs) {
  const ModelShape shape = FindModelShape(replay.config);
  const auto write_profile = [&](const char* hardware, Role role) {
    WriteFileAtomically(folder + "/" + Name(role) + ".json",
                        ProfileText(ModelProfile(FindHardware(hardware), shape, role)));
  };
  write_profile("agx-orin", Role::kDevice);
  write_profile("a6000", Role::kCloud);
  const std::string scenario = folder + "/scenario.toml";
  WriteFileAtomically(scenario, ScenarioText(replay));
  Plan plan;
  plan.arguments = {"--check"};
  for (size_t i = 0; i < trials.size(); ++i) {
    plan.cells.push_back(
        {trials[i].name, fmt::format("runs/{}", i), scenario, trials[i].overrides, 1});
  }
  SimulationsOptions simulations;
  simulations.plan.folder = folder;
  simulations.plan.jobs = jobs;
  simulations.is_quiet = true;
  RunSimulations(plan, simulations);
  std::vector<std::vector<ReplayedRequest>> replayed;
  for (const Cell& cell : plan.cells) {
    const std::string requests = fmt::format("{}/{}/requests.csv", folder, cell.folder);
    replayed.push_back(ReadRequests(requests, replay.requests));
  }
  return replayed;
}

}  // namespace hat
