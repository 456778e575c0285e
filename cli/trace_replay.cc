#include "cli/trace_replay.h"

#include <fmt/format.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "cli/child_processes.h"
#include "core/csv.h"
#include "core/error.h"
#include "core/files.h"
#include "core/program.h"
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

std::vector<ReplayedRequest> ReplayTrace(const TraceReplay& replay, const std::string& folder,
                                         const std::vector<std::string>& overrides) {
  const ModelShape shape = FindModelShape(replay.config);
  const auto write_profile = [&](const char* hardware, const std::string& role) {
    WriteFileAtomically(folder + "/" + role + ".json",
                        ProfileText(ModelProfile(FindHardware(hardware), shape, role)));
  };
  write_profile("agx-orin", "device");
  write_profile("a6000", "cloud");
  const std::string scenario = folder + "/scenario.toml";
  WriteFileAtomically(scenario, ScenarioText(replay));
  const std::string out = folder + "/out";
  ChildProcess child{{ProgramFolder() + "/hat", "simulate", scenario, "--quiet", "--check",
                      "--force", "--out", out}};
  for (const std::string& override_text : overrides) {
    child.words.insert(child.words.end(), {"--set", override_text});
  }
  const ChildrenResult result = RunChildren({child}, 1, IsInterrupted, [](int) {});
  if (result.is_interrupted) throw RunError("interrupted");
  if (result.failure) {
    throw RunError(fmt::format("hat simulate failed with code {}: {}", result.failure->exit_code,
                               result.failure->last_error));
  }
  return ReadRequests(out + "/requests.csv", replay.requests);
}

}  // namespace hat
