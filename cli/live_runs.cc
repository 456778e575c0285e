#include "cli/live_runs.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>

#include "cli/chosen_systems.h"
#include "core/decimal.h"
#include "core/error.h"
#include "core/files.h"
#include "protocol/system.h"

namespace hat {
namespace {

namespace fs = std::filesystem;

// Of the folders seed-N that hold a run, ascending.
std::vector<int64_t> SeedsIn(const std::string& folder) {
  std::vector<int64_t> seeds;
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    const std::string name = entry->path().filename();
    if (!name.starts_with(kSeedFolder) || !IsRun(entry->path())) continue;
    if (const auto seed = ParseInteger(name.substr(kSeedFolder.size()))) seeds.push_back(*seed);
  }
  std::ranges::sort(seeds);
  return seeds;
}

LiveRun OpenSeed(const std::string& folder, uint64_t seed) {
  LiveRun run = OpenRun(fmt::format("{}/{}", folder, SeedFolder(seed)));
  run.is_of_seeds = true;
  if (run.manifest.seed == seed) return run;
  throw InputError(fmt::format("{}: a run with seed {}", run.folder, run.manifest.seed));
}

// A folder's runs; nothing where it holds none.
std::vector<LiveRun> RunsIn(const std::string& folder) {
  const std::vector<int64_t> seeds = SeedsIn(folder);
  if (IsRun(folder)) {
    if (seeds.empty()) return {OpenRun(folder)};
    throw InputError(fmt::format("{}: holds a run, and runs of seeds besides", folder));
  }
  std::vector<LiveRun> runs;
  for (const int64_t seed : seeds) {
    runs.push_back(OpenSeed(folder, static_cast<uint64_t>(seed)));
  }
  return runs;
}

void RequireSystem(const std::vector<LiveRun>& runs, const std::string& system) {
  for (const LiveRun& run : runs) {
    if (run.manifest.system == system) continue;
    throw InputError(fmt::format("{}: a run of {}", run.folder, run.manifest.system));
  }
}

}  // namespace

bool LiveRun::Has(const char* name) const { return IsThere(File(name)); }

bool IsRun(const std::string& folder) { return IsThere(folder + "/summary.json"); }

LiveRun OpenRun(const std::string& folder) {
  LiveRun run;
  run.folder = folder;
  run.manifest = ParseManifest(ReadFile(run.File("manifest.json")), run.File("manifest.json"));
  if (run.manifest.world == "simulated") {
    throw InputError(fmt::format("{}: a simulated run, not what 'hat replay --out' wrote", folder));
  }
  if (run.Has("receipt.json")) run.receipt = ReadReceipt(run.File("receipt.json"));
  return run;
}

std::vector<LiveSystem> OpenLive(const std::string& live, const std::vector<std::string>& systems) {
  CheckSystems(systems);
  if (std::vector<LiveRun> runs = RunsIn(live); !runs.empty()) {
    const std::string system = runs.front().manifest.system;
    RequireSystem(runs, system);
    if (!systems.empty() && systems != std::vector{system}) {
      throw InputError(fmt::format("--systems: {} is a run of {} alone", live, system));
    }
    return {{system, std::move(runs)}};
  }
  std::vector<LiveSystem> found;
  for (const std::string& system : systems.empty() ? SystemNames() : systems) {
    std::vector<LiveRun> runs = RunsIn(live + "/" + system);
    RequireSystem(runs, system);
    if (!runs.empty()) found.push_back({system, std::move(runs)});
  }
  for (const std::string& system : systems) {
    if (std::ranges::count(found, system, &LiveSystem::system) > 0) continue;
    std::vector<std::string> there = SystemNames();
    std::erase_if(there,
                  [&](const std::string& name) { return RunsIn(live + "/" + name).empty(); });
    throw InputError(fmt::format("--systems: '{}' is not in {}; there are: {}", system, live,
                                 fmt::join(there, ", ")));
  }
  if (!found.empty()) return found;
  throw InputError(fmt::format(
      "--live: no run of a system in '{}' (a summary.json, there or in a folder of a system's "
      "name or of a seed's, as seed-1)",
      live));
}

}  // namespace hat
