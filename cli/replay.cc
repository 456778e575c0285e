// hat replay: a scenario of the simulator on live programs.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cli/chosen_systems.h"
#include "cli/live_runs.h"
#include "cli/plain_verbs.h"
#include "cli/progress_line.h"
#include "cli/set_option.h"
#include "cli/shipped.h"
#include "core/error.h"
#include "core/files.h"
#include "core/interrupt.h"
#include "core/machine.h"
#include "core/terminal_text.h"
#include "experiments/hardware/scenario_profiles.h"
#include "experiments/results/run_setup.h"
#include "experiments/results/summary_text.h"
#include "experiments/validate/settings.h"
#include "runtime/serve/testbed/replay.h"

namespace hat {
namespace {

constexpr const char* kEmulated = "emulated";
constexpr const char* kTransport = "transport";

struct ReplayVerbOptions {
  ReplayOptions replay;
  std::string model = "models/small";
  std::string testbed = kEmulated;
  std::string shaping = kTransport;
  std::vector<std::string> systems;
  int seeds = 1;
  bool resumes = false;
  bool plans = false;
  bool is_unpaced = false;
  bool has_no_reference = false;
  bool is_quiet = false;
};

void AddOptions(CommandLine& line, ReplayVerbOptions& options) {
  line.description(
      "Plays a scenario on live programs of this machine, in place of the simulator: a cloud and a "
      "process per device, real tokens of a real model over TLS. Each operation then lasts as long "
      "as the scenario's hardware would take, each frame travels as long as its link would. The "
      "results are a simulation's files, and receipt.json: what ran, and how well it kept the "
      "pace. 'hat validate' holds them against the simulator.");
  line.footer(
      "Examples:\n"
      "  hat replay experiments/validation/spec_bench_7b.toml --plan\n"
      "  hat replay experiments/validation/spec_bench_7b.toml --set fleet.scale=0.1 \\\n"
      "    --set workload.requests=30 --set workload.rate_per_s=0.6 --out results/live\n"
      "  hat validate experiments/validation/spec_bench_7b.toml --live results/live ...\n"
      "  hat replay experiments/validation/spec_bench_7b.toml --systems hat,u-shape --seeds 3 \\\n"
      "    --time-scale 4 --out results/hours --resume");
  line.add_option("scenario", options.replay.scenario, "a TOML file")
      ->required()
      ->transform(ShippedPath);
  AddSetOption(line, options.replay.overrides, "the scenario");
  line.add_option("--model", options.model, "folder of the checkpoint that serves")
      ->capture_default_str()
      ->transform(ShippedPath);
  line.add_option("--prompts", options.replay.prompts,
                  "CSV with their token ids (default: prompts.csv in the model's folder)")
      ->transform(ShippedPath);
  line.add_option("--systems", options.systems,
                  "a list, each a run in DIR/SYSTEM (default: the scenario's)")
      ->delimiter(',');
  line.add_option("--seeds", options.seeds,
                  "runs a system, each in a folder seed-N: seeds s, s + 1, ..., s the scenario's")
      ->capture_default_str()
      ->check(CLI::Range(1, 1000));
  line.add_option("--time-scale", options.replay.time_scale,
                  "seconds here per second of the scenario: more where this machine is too slow")
      ->capture_default_str()
      ->check(CLI::Range(0.01, 1000.0));
  CLI::Option* unpaced =
      line.add_flag("--unpaced", options.is_unpaced,
                    "compute lasts as long as it lasts, links are what they are");
  line.add_option(
          "--shaping", options.shaping,
          "who slows the links down: transport, the programs themselves, to the simulator's "
          "closed form; kernel, token buckets between network namespaces (as root), to "
          "cross-check long transfers by")
      ->capture_default_str()
      ->check(CLI::IsMember({kTransport, "kernel"}))
      ->excludes(unpaced);
  line.add_option("--testbed", options.testbed,
                  "emulated: on this machine; or an INVENTORY.toml of machines that ssh reaches, "
                  "which serve unpaced")
      ->capture_default_str();
  line.add_option("--threads", options.replay.threads, "of each program, that compute")
      ->capture_default_str()
      ->check(CLI::Range(1, 1024));
  line.add_option("--out", options.replay.out, "folder for the results (results/NAME-live)");
  CLI::Option* resume =
      line.add_flag("--resume", options.resumes, "go on: leave out the runs that are there");
  line.add_flag("--force", options.replay.replaces, "replace earlier results there")
      ->excludes(resume);
  line.add_flag("--laws", options.replay.checks_laws, "check the protocol's laws on every event");
  line.add_flag("--events", options.replay.keeps_events, "also events.jsonl: all that happened");
  line.add_flag("--no-reference", options.has_no_reference,
                "do not ask the whole model for what each answer should be");
  line.add_flag("--plan", options.plans, "say what it needs, and stop");
  line.add_flag("--quiet", options.is_quiet, "no progress");
}

void PrintPlan(const ReplayOptions& options, size_t runs) {
  const ReplayNeeds needs = NeedsOf(options);
  PrintResult(fmt::format(
      "{}{} requests; a cloud and {}: {} processes, about {:.1f} GB of memory ({:.1f} GB "
      "available), {} cores\nlast arrival after {:.0f} s at time scale {:g}\n"
      "with models/small they compute for about {:.0f} s: half of the cores suffice from time "
      "scale {:.1f} on\n",
      runs == 1 ? "" : fmt::format("{} runs, each: ", runs), needs.requests,
      Counted(needs.processes - 1, "device"), needs.processes, needs.memory.value() / 1e9,
      AvailableMemory().value() / 1e9, CoreCount(), needs.duration.value(), options.time_scale,
      needs.computing.value(), needs.time_scale));
}

void Report(const ReplayResult& result) {
  PrintResult(SummaryText(result.summary_json));
  const ReceiptOverruns& overruns = result.receipt.overruns;
  const ReceiptLateness& late = result.receipt.lateness;
  if (overruns.operations > 0) {
    const double share = double(overruns.overran) / double(overruns.operations);
    PrintResult(
        fmt::format("pace: {} of {} operations ({:.2f}%) took longer than the hardware that "
                    "they imitate; {:.1f} ms at most\n",
                    overruns.overran, overruns.operations, 100 * share, overruns.largest_ms));
    if (share > 0.01) {
      SayLine(
          "this machine is too slow for the pace: take a larger --time-scale, or fewer devices");
    }
  }
  if (late.frames > 0) {
    PrintResult(
        fmt::format("frames: {} shaped, late by {:.0f} us (p50), {:.0f} us (p99), {:.0f} us "
                    "at most\n",
                    late.frames, late.p50_us, late.p99_us, late.largest_us));
  }
}

// One replay of several.
struct Unit {
  std::string name;  // "u-shape, seed 2"; empty: there is but one
  std::vector<std::string> overrides;
  std::string out;
};

std::vector<Unit> UnitsOf(const ReplayVerbOptions& options, uint64_t first_seed) {
  std::vector<Unit> units = {{"", options.replay.overrides, options.replay.out}};
  if (!options.systems.empty()) {
    CheckSystems(options.systems);
    RefuseSystemOverride(options.replay.overrides);
    const Unit all = units.front();
    units.clear();
    for (const std::string& system : options.systems) {
      Unit& unit = units.emplace_back(all);
      unit.name = system;
      unit.overrides.push_back("system.name=" + system);
      unit.out += "/" + system;
    }
  }
  if (options.seeds == 1) return units;
  std::vector<Unit> of_seeds;  // seed by seed, so that an early look has seen every system
  for (const uint64_t seed : SeedsFrom(first_seed, options.seeds)) {
    for (const Unit& one : units) {
      Unit& unit = of_seeds.emplace_back(one);
      unit.name += fmt::format("{}seed {}", one.name.empty() ? "" : ", ", seed);
      unit.overrides = WithoutSeed(one.overrides);
      unit.overrides.push_back(fmt::format("seed={}", seed));
      unit.out += "/" + SeedFolder(seed);
    }
  }
  return of_seeds;
}

// The manifest that a run of the scenario would have.
Manifest ManifestOf(const Scenario& scenario) {
  ProfileReader reader;
  const ScenarioProfiles profiles = ScenarioProfiles::Read(scenario, reader);
  return ParseManifest(ManifestJson(RunInfoOf(scenario, profiles.infos(), "")), scenario.path);
}

// Whether the unit's results are there already. Throws InputError if they are of other keys, or of
// other content of the files that these name.
bool IsDone(const ReplayOptions& replay) {
  if (!IsRun(replay.out)) return false;
  const LiveRun run = OpenRun(replay.out);
  const Scenario scenario = LoadScenario(replay.scenario, replay.overrides);
  std::vector<SettingDifference> differences =
      ConfigDifferences(scenario.resolved, run.manifest.config, run.File("manifest.json"));
  if (run.receipt && run.receipt->time_scale != replay.time_scale) {
    differences.push_back({"--time-scale", fmt::format("{}", replay.time_scale),
                           fmt::format("{}", run.receipt->time_scale)});
  }
  if (run.receipt && run.receipt->shaping != ShapingOf(replay)) {
    differences.push_back({"--shaping", ShapingOf(replay), run.receipt->shaping});
  }
  for (SettingDifference& file : FileDifferences(ManifestOf(scenario), run.manifest)) {
    differences.push_back(std::move(file));
  }
  const std::string world = WorldOf(replay);
  if (run.manifest.world != world) differences.push_back({"world", world, run.manifest.world});
  RefuseDifferences(differences, replay.out);
  return true;
}

int RunOne(const Unit& unit, ReplayVerbOptions& options) {
  ReplayOptions& replay = options.replay;
  replay.out = unit.out;
  replay.overrides = unit.overrides;
  const std::string name = unit.name.empty() ? "replay" : unit.name;
  if (options.resumes && IsDone(replay)) {
    SayLine(fmt::format("{}: is there", replay.out));
    return 0;
  }
  std::optional<ProgressLine> progress;
  if (!options.is_quiet) progress.emplace(std::chrono::seconds(30));
  replay.on_progress = [&](const Progress& now) {
    if (progress) {
      progress->Update(
          now, [&] { return fmt::format("{}: {} of {} requests", name, now.done, *now.total); });
    }
    return !IsInterrupted();
  };
  replay.log = SayLine;
  const ReplayResult result = Replay(replay);
  if (progress) progress->Clear();
  Report(result);
  SayWritten(replay.out);
  for (const std::string& device : result.lost) SayLine("lost " + device);
  return result.lost.empty() ? 0 : 1;
}

int Play(ReplayVerbOptions& options) {
  ReplayOptions& replay = options.replay;
  replay.model = ShippedPath(options.model);
  if (options.testbed != kEmulated) replay.inventory = options.testbed;
  replay.is_paced = !options.is_unpaced && replay.inventory.empty();
  replay.is_kernel_shaped = options.shaping == "kernel";
  if (replay.is_kernel_shaped && !replay.inventory.empty()) {
    throw InputError("--shaping kernel: the links of an inventory's machines are as they are");
  }
  replay.has_reference = !options.has_no_reference;
  if (replay.prompts.empty()) replay.prompts = replay.model + "/prompts.csv";
  const Scenario scenario = LoadScenario(replay.scenario, replay.overrides);
  if (replay.out.empty()) replay.out = "results/" + scenario.name + "-live";
  const std::vector<Unit> units = UnitsOf(options, scenario.seed);
  if (options.plans) {
    PrintPlan(replay, units.size());
    return 0;
  }
  CatchInterrupts();
  int exit_code = 0;
  for (const Unit& unit : units) exit_code = std::max(exit_code, RunOne(unit, options));
  return exit_code;
}

}  // namespace

int ReplayVerb(CommandLine& line) {
  ReplayVerbOptions options;
  AddOptions(line, options);
  line.Parse();
  return Play(options);
}

}  // namespace hat
