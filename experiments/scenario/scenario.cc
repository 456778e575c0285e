#include "experiments/scenario/scenario.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <numeric>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "core/files.h"
#include "core/utf8.h"
#include "experiments/scenario/limits.h"
#include "protocol/policies/batching.h"
#include "protocol/policies/chunking.h"
#include "protocol/policies/drafting.h"
#include "protocol/tree.h"

namespace hat {
namespace {

// An integer key of 1 (or `low`) to `high`.
int Count(const ConfigTable& table, const std::string& key, int high,
          std::optional<int64_t> fallback = {}, int low = 1) {
  return static_cast<int>(table.Integer(key, low, high, fallback));
}

int Tokens(const ConfigTable& table, const std::string& key, std::optional<int> fallback = {}) {
  return Count(table, key, kMostTokens, fallback);
}

PolicyOptions ReadPolicy(const ConfigTable& table) {
  PolicyOptions options;
  options.chunk_min = Tokens(table, "chunk_min", options.chunk_min);
  options.chunk_max = Tokens(table, "chunk_max", std::max(options.chunk_max, options.chunk_min));
  const int initial = std::clamp(options.chunk_initial,
                                 std::min(options.chunk_min, options.chunk_max), options.chunk_max);
  options.chunk_initial = Tokens(table, "chunk_initial", initial);
  options.chunk_fixed = Tokens(table, "chunk_fixed", options.chunk_fixed);
  options.draft_threshold =
      table.Number("draft_threshold", Range::Between(0, 1), options.draft_threshold);
  options.max_draft = Count(table, "max_draft", kMostDraftSteps, options.max_draft);
  options.draft_fixed = Count(table, "draft_fixed", kMostDraftSteps, options.draft_fixed, 0);
  options.ahead_branches = Count(table, "ahead_branches", kMostDraftSteps, options.ahead_branches);
  options.tree = table.Choice("tree", TreeNames(), options.tree);
  options.cut_tokens = Tokens(table, "cut_tokens", options.cut_tokens);
  return options;
}

SystemSpec ReadSystem(const ConfigTable& root) {
  const ConfigTable table = root.Table("system");
  SystemSpec system = FindSystem(table.Choice("name", SystemNames(), "hat"));
  std::vector<std::string> drafting = DraftingPolicyNames();
  drafting.insert(drafting.begin(), "none");
  system.chunking = table.Choice("chunking", ChunkingPolicyNames(), system.chunking);
  system.drafting = table.Choice("drafting", drafting, system.drafting);
  system.drafter = table.Choice("drafter", DrafterNames(), system.drafter);
  system.draft_ahead = table.Bool("draft_ahead", system.draft_ahead);
  system.prefill_cut = table.Choice("prefill_cut", PrefillCutNames(), system.prefill_cut);
  system.return_all_positions = table.Bool("return_all_positions", system.return_all_positions);
  system.options = ReadPolicy(root.Table("policy"));
  return system;
}

void ReadModel(const ConfigTable& root, Scenario& scenario) {
  const ConfigTable table = root.Table("model");
  const std::string shape = table.String("shape");
  if (shape.ends_with(".json")) scenario.model_path = table.Path("shape");
  try {
    scenario.model = FindModelShape(scenario.model_path.empty() ? shape : scenario.model_path);
  } catch (const InputError& error) {
    throw table.Error("shape", fmt::format("is not usable: {}", error.what()));
  }
  const int layers = Count(table, "device_layers", kMostLayers);
  if (scenario.model.layer_count() < 2)
    throw table.Error("shape", fmt::format("is not usable: {} has one layer and cannot be split",
                                           scenario.model.name));
  if (layers >= scenario.model.layer_count())
    throw table.Error(
        "device_layers",
        fmt::format("must leave layers for the cloud: 1 to {} of the {} of {}, got {}",
                    scenario.model.layer_count() - 1, scenario.model.layer_count(),
                    scenario.model.name, layers));
  scenario.fleet.device_layers = layers;
  scenario.wire_dtype = *FindDtype(
      table.Choice("wire_dtype", DtypeWords(kWireDtypes), LongName(scenario.wire_dtype)));
}

// Counts times `scale`, rounded; at least one device in all (of the most numerous class).
void ScaleCounts(double scale, std::vector<DeviceClass>& classes) {
  const auto largest =
      std::max_element(classes.begin(), classes.end(),
                       [](const auto& a, const auto& b) { return a.count < b.count; });
  int64_t total = 0;
  for (DeviceClass& device_class : classes) {
    const double count = std::min(std::round(device_class.count * scale), 2.0 * kMostDevices);
    device_class.count = static_cast<int>(count);
    total += device_class.count;
  }
  if (total == 0) largest->count = 1;
}

std::vector<double> ReadModeWeights(const ConfigTable& entry, size_t modes) {
  std::vector<double> weights =
      entry.Numbers("mode_weights", Range::NonNegative(1e6), std::vector<double>{});
  if (weights.empty()) return weights;
  const double sum = std::accumulate(weights.begin(), weights.end(), 0.0);
  if (weights.size() != modes || !(sum > 0)) {
    throw entry.Error("mode_weights", fmt::format("must hold a weight for each of the {} profiles, "
                                                  "and not only zeros",
                                                  modes));
  }
  return weights;
}

void ReadFleet(const ConfigTable& root, Scenario& scenario) {
  const ConfigTable table = root.Table("fleet");
  FleetConfig& fleet = scenario.fleet;
  fleet.scale = table.Number("scale", Range::Positive(1e6), fleet.scale);
  fleet.max_sessions = Count(table, "max_sessions", kMostSessions, fleet.max_sessions);
  fleet.power_mode_requests =
      Count(table, "power_mode_requests", 1'000'000'000, fleet.power_mode_requests);
  fleet.jitter = table.Bool("jitter", fleet.jitter);
  fleet.draft_batching = table.Bool("draft_batching", fleet.draft_batching);
  for (const ConfigTable& entry : table.Tables("class")) {
    DeviceClass device_class;
    device_class.name = entry.String("name");
    device_class.count = Count(entry, "count", kMostDevices);
    device_class.profile_paths = entry.Paths("profiles");
    if (device_class.profile_paths.empty())
      throw entry.Error("profiles", "must name at least one profile");
    device_class.mode_weights = ReadModeWeights(entry, device_class.profile_paths.size());
    device_class.speed = entry.Number("speed", Range::Between(0.01, 100), device_class.speed);
    for (const DeviceClass& other : fleet.classes) {
      if (other.name == device_class.name)
        throw entry.Error("name", fmt::format("'{}' is taken by another class", other.name));
    }
    fleet.classes.push_back(std::move(device_class));
  }
  if (fleet.classes.empty())
    throw table.Error("class", fmt::format("is missing{}: at least one [[fleet.class]]",
                                           table.MisspeltHint({"class"})));
  ScaleCounts(fleet.scale, fleet.classes);
}

RateConfig ReadRate(const ConfigTable& link, const std::string& direction) {
  const ConfigTable table = link.Table(direction);
  const std::string kind = table.Choice("kind", {"constant", "uniform", "trace"}, "constant");
  RateConfig rate;
  if (kind == "constant") {
    table.Forbid({"low_mbps", "high_mbps", "trace"}, "kind", "kind = \"constant\"");
    rate.low = rate.high = MegabitsPerSecond(table.Number("rate_mbps", kLinkMbps));
  } else if (kind == "uniform") {
    table.Forbid({"rate_mbps", "trace"}, "kind", "kind = \"uniform\"");
    rate.kind = RateConfig::Kind::kUniform;
    rate.low = MegabitsPerSecond(table.Number("low_mbps", kLinkMbps));
    rate.high = MegabitsPerSecond(table.Number("high_mbps", kLinkMbps));
    if (rate.high < rate.low)
      throw table.Error("high_mbps", fmt::format("must be at least low_mbps = {}",
                                                 ToMegabitsPerSecond(rate.low)));
  } else {
    table.Forbid({"rate_mbps", "low_mbps", "high_mbps"}, "kind", "kind = \"trace\"");
    rate.kind = RateConfig::Kind::kTrace;
    rate.trace_path = table.Path("trace");
  }
  return rate;
}

RadioDelay::Shape ReadRadio(const ConfigTable& table) {
  RadioDelay::Shape radio;
  radio.jitter = Milliseconds(table.Number("jitter_ms", Range::NonNegative(60e3), 0));
  radio.stall_every = Seconds(table.Number("stall_every_s", Range::NonNegative(1e6), 0));
  if (radio.stall_every > Seconds(0)) {
    radio.stall = Milliseconds(table.Number("stall_ms", Range::Positive(60e3)));
  } else {
    table.Forbid({"stall_ms"}, "stall_every_s", "stall_every_s = 0");
  }
  return radio;
}

// What Linux does unless the table says otherwise: it begins with 10 segments of 1,448 bytes, and
// counts as a pause its timeout of retransmission, which is at least 200 ms and a round trip.
TcpWindow::Shape ReadTcp(const ConfigTable& table, Seconds latency) {
  constexpr double kFirst_kb = 14.48, kTimeout_ms = 200;
  TcpWindow::Shape tcp;
  tcp.round_trip = 2 * latency;
  tcp.first = Bytes(1e3 * table.Number("window_kb", Range::Positive(1e6), kFirst_kb));
  tcp.pause = Milliseconds(
      table.Number("pause_ms", Range::Positive(1e6), kTimeout_ms + ToMilliseconds(tcp.round_trip)));
  return tcp;
}

LinkConfig ReadLink(const ConfigTable& root) {
  const ConfigTable table = root.Table("link");
  LinkConfig link;
  const std::vector<std::string> capacities = {"cell_mbps", "ingress_mbps", "egress_mbps"};
  if (table.Choice("kind", {"dedicated", "shared"}, "dedicated") == "shared") {
    link.kind = LinkConfig::Kind::kShared;
    BytesPerSecond* const fields[] = {&link.cell, &link.ingress, &link.egress};
    bool any = false;
    for (size_t i = 0; i < capacities.size(); ++i) {
      if (!table.Has(capacities[i])) continue;
      *fields[i] = MegabitsPerSecond(table.Number(capacities[i], kLinkMbps));
      any = true;
    }
    if (!any)
      throw table.Error("kind", "= \"shared\" needs one of cell_mbps, ingress_mbps, egress_mbps" +
                                    table.MisspeltHint(capacities));
    table.Forbid({"radio", "tcp"}, "kind", "link.kind = \"shared\"");
  } else {
    table.Forbid(capacities, "kind", "link.kind = \"dedicated\"");
  }
  link.latency = Milliseconds(
      table.Number("latency_ms", Range::NonNegative(60e3), ToMilliseconds(link.latency)));
  link.efficiency = table.Number("efficiency", Range{0, 1, true}, link.efficiency);
  if (table.Has("radio")) link.radio = ReadRadio(table.Table("radio"));
  if (table.Has("tcp")) link.tcp = ReadTcp(table.Table("tcp"), link.latency);
  link.up = ReadRate(table, "up");
  link.down = ReadRate(table, "down");
  return link;
}

BytesPerSecond ReadStageLinkRate(const ConfigTable& table, BytesPerSecond fallback) {
  const Range range = Range::Positive(1e3 * kMostStageLinkGbps);
  if (!table.Has("stage_link_gbps"))
    return MegabitsPerSecond(table.Number("stage_link_mbps", range, ToMegabitsPerSecond(fallback)));
  table.Forbid({"stage_link_mbps"}, "stage_link_gbps", "stage_link_gbps given");
  return MegabitsPerSecond(1e3 *
                           table.Number("stage_link_gbps", Range::Positive(kMostStageLinkGbps)));
}

void ReadCloud(const ConfigTable& root, Scenario& scenario) {
  const ConfigTable table = root.Table("cloud");
  CloudHardware& cloud = scenario.cloud;
  if (scenario.has_cloud() || table.Has("profile")) cloud.profile_path = table.Path("profile");
  if (table.Has("draft_profile")) cloud.draft_profile_path = table.Path("draft_profile");
  cloud.memory =
      Bytes(1e9 * table.Number("memory_gb", Range::Positive(1e5), cloud.memory.value() / 1e9));
  cloud.stage_link_rate = ReadStageLinkRate(table, cloud.stage_link_rate);
  cloud.stage_link_latency = Microseconds(table.Number(
      "stage_link_latency_us", Range::NonNegative(1e6), ToMicroseconds(cloud.stage_link_latency)));
  cloud.stage_overhead = Milliseconds(table.Number("stage_overhead_ms", Range::NonNegative(1e6),
                                                   ToMilliseconds(cloud.stage_overhead)));
  cloud.is_overhead_drawn =
      table.Choice("stage_overhead_spread", {"none", "exponential"}, "none") == "exponential";
  cloud.stage_overhead_per_token =
      Microseconds(table.Number("stage_overhead_us_per_token", Range::NonNegative(1e6),
                                ToMicroseconds(cloud.stage_overhead_per_token)));
  CloudConfig& scheduler = scenario.scheduler;
  scheduler.replicas = Count(table, "replicas", 100'000, scheduler.replicas);
  scheduler.stages = Count(table, "stages", kMostLayers, scheduler.stages);
  scheduler.token_budget = Tokens(table, "token_budget", scheduler.token_budget);
  const int64_t fit =
      KvTokensThatFit(scenario.model, scenario.cloud_layers(), scheduler.stages, cloud.memory);
  if (fit < 1 && scenario.has_cloud() && !table.Has("kv_tokens"))
    throw table.Error(
        "memory_gb",
        fmt::format("= {:g} leaves no room for a KV cache beside {} layers of {} over {} "
                    "stages: more memory_gb, more stages, or kv_tokens given",
                    cloud.memory.value() / 1e9, scenario.cloud_layers(), scenario.model.name,
                    scheduler.stages));
  scheduler.kv_tokens = table.Integer("kv_tokens", 1, int64_t{1} << 40, std::max<int64_t>(fit, 1));
}

ArrivalConfig ReadArrivals(const ConfigTable& table) {
  using Kind = ArrivalConfig::Kind;
  static const std::vector<std::pair<std::string, Kind>> kKinds = {
      {"poisson", Kind::kPoisson},
      {"gamma", Kind::kGamma},
      {"uniform", Kind::kUniform},
      {"closed-loop", Kind::kClosedLoop},
      {"replay", Kind::kReplay}};
  std::vector<std::string> names;
  for (const auto& [name, kind] : kKinds) names.push_back(name);
  const std::string choice = table.Choice("arrivals", names, "poisson");

  ArrivalConfig arrivals;
  arrivals.kind = kKinds[std::find(names.begin(), names.end(), choice) - names.begin()].second;
  const std::string with = fmt::format("arrivals = \"{}\"", choice);
  if (arrivals.kind == Kind::kClosedLoop || arrivals.kind == Kind::kReplay)
    table.Forbid({"rate_per_s"}, "arrivals", with);
  else
    arrivals.rate_per_s = table.Number("rate_per_s", Range::Between(1e-9, 1e6));
  if (arrivals.kind == Kind::kGamma)
    arrivals.burstiness = table.Number("burstiness", Range::Between(0.01, 10), arrivals.burstiness);
  else
    table.Forbid({"burstiness"}, "arrivals", with);
  if (arrivals.kind == Kind::kClosedLoop)
    arrivals.think_time = Seconds(table.Number("think_time_s", Range::NonNegative(1e6), 0));
  else
    table.Forbid({"think_time_s"}, "arrivals", with);
  if (arrivals.kind == Kind::kReplay) {
    arrivals.replay_path = table.Path("replay");
    arrivals.replay_column = table.String("replay_column", arrivals.replay_column);
    arrivals.is_replayed_from_first =
        table.Choice("replay_from", {"zero", "first"}, "zero") == "first";
  } else {
    table.Forbid({"replay", "replay_column", "replay_from"}, "arrivals", with);
  }
  return arrivals;
}

void ReadCsvLength(const ConfigTable& table, const std::string& column, LengthConfig& length) {
  length.path = table.Path("path");
  length.column = table.String("column", column);
}

LengthConfig ReadPrompts(const ConfigTable& table) {
  LengthConfig prompts;
  const std::string kind = table.Choice("kind", {"csv", "lognormal", "constant"});
  const std::string with = fmt::format("kind = \"{}\"", kind);
  if (kind == "constant") {
    prompts.tokens = Tokens(table, "tokens");
  } else if (kind == "csv") {
    prompts.kind = LengthConfig::Kind::kCsv;
    ReadCsvLength(table, "prompt_tokens", prompts);
  } else {
    prompts.kind = LengthConfig::Kind::kLognormal;
    prompts.mu = table.Number("mu", Range::Between(-10, 20));
    prompts.sigma = table.Number("sigma", Range::Between(0, 5));
    prompts.min = Tokens(table, "min", prompts.min);
    prompts.max = Tokens(table, "max", LengthConfig::kPromptMax);
    if (prompts.max < prompts.min)
      throw table.Error("max", fmt::format("must be at least min = {}", prompts.min));
  }
  if (kind != "constant") table.Forbid({"tokens"}, "kind", with);
  if (kind != "csv") table.Forbid({"path", "column", "order"}, "kind", with);
  if (kind != "lognormal") table.Forbid({"mu", "sigma", "min", "max"}, "kind", with);
  return prompts;
}

LengthConfig ReadOutputs(const ConfigTable& table) {
  LengthConfig outputs;
  const std::string kind = table.Choice("kind", {"constant", "csv", "geometric"}, "constant");
  const std::string with = fmt::format("kind = \"{}\"", kind);
  if (kind == "constant") {
    outputs.tokens = Tokens(table, "tokens", LengthConfig::kOutputTokens);
  } else if (kind == "csv") {
    outputs.kind = LengthConfig::Kind::kCsv;
    ReadCsvLength(table, "output_tokens", outputs);
  } else {
    outputs.kind = LengthConfig::Kind::kGeometric;
    outputs.mean = table.Number("mean", Range::Between(1, kMostTokens));
    outputs.max = Tokens(table, "max", LengthConfig::kOutputTokens);
  }
  if (kind != "constant") table.Forbid({"tokens"}, "kind", with);
  if (kind != "csv") table.Forbid({"path", "column", "order"}, "kind", with);
  if (kind != "geometric") table.Forbid({"mean", "max"}, "kind", with);
  return outputs;
}

bool AreSameFile(const std::string& a, const std::string& b) {
  std::error_code no_such_file;
  return a == b || std::filesystem::equivalent(a, b, no_such_file);
}

// Which row of its CSV a request takes. Lengths out of the file that the arrivals are replayed from
// stay with their arrivals, unless somebody wants it otherwise.
void ReadOrders(const ConfigTable& table, WorkloadConfig& workload) {
  LengthConfig& prompts = workload.prompts;
  LengthConfig& outputs = workload.outputs;
  const auto is_replayed = [&](const LengthConfig& length) {
    return length.kind == LengthConfig::Kind::kCsv &&
           workload.arrivals.kind == ArrivalConfig::Kind::kReplay &&
           AreSameFile(length.path, workload.arrivals.replay_path);
  };
  const auto is_file = [&](const char* key, bool by_default) {
    return table.Table(key).Choice("order", {"permuted", "file"},
                                   by_default ? "file" : "permuted") == "file";
  };
  if (prompts.kind == LengthConfig::Kind::kCsv) {
    prompts.is_in_file_order = is_file("prompts", is_replayed(prompts) || is_replayed(outputs));
    table.Table("outputs").Forbid({"order"}, "workload.prompts.kind",
                                  "workload.prompts.kind = \"csv\", whose order it follows");
  } else if (outputs.kind == LengthConfig::Kind::kCsv) {
    outputs.is_in_file_order = is_file("outputs", is_replayed(outputs));
  }
}

WorkloadConfig ReadWorkload(const ConfigTable& root) {
  const ConfigTable table = root.Table("workload");
  WorkloadConfig workload;
  workload.arrivals = ReadArrivals(table);
  workload.prompts = ReadPrompts(table.Table("prompts"));
  workload.outputs = ReadOutputs(table.Table("outputs"));
  ReadOrders(table, workload);
  if (table.Has("requests")) workload.requests = Count(table, "requests", kMostRequests);
  if (table.Has("duration_s"))
    workload.duration = Seconds(table.Number("duration_s", Range::Positive(kMostSeconds)));
  const bool is_replay = workload.arrivals.kind == ArrivalConfig::Kind::kReplay;
  if (workload.requests == 0 && workload.duration == Seconds(0) && !is_replay)
    throw table.Error("requests", fmt::format("or workload.duration_s must say when the arrivals "
                                              "stop{}",
                                              table.MisspeltHint({"requests", "duration_s"})));
  if (workload.arrivals.kind == ArrivalConfig::Kind::kClosedLoop) {
    table.Forbid({"devices"}, "arrivals", "arrivals = \"closed-loop\"");
  } else {
    workload.is_dealt_in_turn =
        table.Choice("devices", {"random", "in-turn"}, "random") == "in-turn";
  }
  workload.warmup_requests =
      Count(table, "warmup_requests", kMostRequests, workload.requests / 10, 0);
  if (workload.requests > 0 && workload.warmup_requests >= workload.requests)
    throw table.Error("warmup_requests", fmt::format("must be below workload.requests = {}, got {}",
                                                     workload.requests, workload.warmup_requests));
  return workload;
}

AcceptanceConfig ReadAcceptance(const ConfigTable& root) {
  const ConfigTable table = root.Table("acceptance");
  AcceptanceConfig acceptance;
  if (table.Has("trace")) {
    table.Forbid({"accept_length", "policy", "draft_threshold", "max_draft", "draft_fixed", "tree",
                  "concentration", "request_correlation", "rank_curve", "medusa_accept_length",
                  "medusa_ratio"},
                 "trace", "acceptance.trace given");
    acceptance.trace_path = table.Path("trace");
    return acceptance;
  }
  PolicyOptions& reference = acceptance.reference;
  acceptance.accept_length = table.Number("accept_length", kAcceptLength, acceptance.accept_length);
  acceptance.policy = table.Choice("policy", DraftingPolicyNames(), acceptance.policy);
  reference.draft_threshold =
      table.Number("draft_threshold", Range::Between(0, 1), reference.draft_threshold);
  reference.max_draft = Count(table, "max_draft", kMostDraftSteps, reference.max_draft);
  reference.draft_fixed = Count(table, "draft_fixed", kMostDraftSteps, reference.draft_fixed);
  reference.tree = table.Choice("tree", TreeNames(), reference.tree);
  acceptance.concentration =
      table.Number("concentration", Range::Positive(1e6), acceptance.concentration);
  acceptance.request_correlation =
      table.Number("request_correlation", Range::Between(0, 0.99), acceptance.request_correlation);
  acceptance.rank_curve = table.Numbers("rank_curve", Range::Between(0, 1), acceptance.rank_curve);
  acceptance.medusa_accept_length =
      table.Number("medusa_accept_length", kAcceptLength, acceptance.medusa_accept_length);
  acceptance.medusa_ratio =
      table.Number("medusa_ratio", Range{0, 1, true}, acceptance.medusa_ratio);
  return acceptance;
}

Scenario ReadScenario(const Config& config, const std::string& path) {
  const ConfigTable root = config.Root();
  Scenario scenario;
  scenario.path = path;
  const std::string stem = std::filesystem::path(path).stem();
  scenario.name = root.String("name", IsUtf8(stem) ? stem : "scenario");
  scenario.seed = static_cast<uint64_t>(root.Integer("seed", 0, INT64_MAX, 1));
  scenario.system = ReadSystem(root);
  ReadModel(root, scenario);
  ReadFleet(root, scenario);
  scenario.link = ReadLink(root);
  ReadCloud(root, scenario);
  scenario.workload = ReadWorkload(root);
  scenario.acceptance = ReadAcceptance(root);
  config.RejectUnknownKeys();
  CheckScenario(scenario);
  scenario.resolved = config.Resolved();
  return scenario;
}

}  // namespace

int Scenario::devices() const {
  int64_t total = 0;
  for (const DeviceClass& device_class : fleet.classes) total += device_class.count;
  return static_cast<int>(std::min<int64_t>(total, INT32_MAX));
}

int Scenario::cloud_layers() const {
  if (!system.has_cloud) return 0;
  return model.layer_count() - (system.has_device_layers ? fleet.device_layers : 0);
}

std::vector<std::vector<int>> Scenario::LayersOfCloudStages() const {
  std::vector<std::vector<int>> of_stages;
  int first = model.layer_count() - cloud_layers();
  for (const int layers : LayersOfStages(cloud_layers(), scheduler.stages)) {
    of_stages.push_back(model.LayersOfClasses(first, first + layers));
    first += layers;
  }
  return of_stages;
}

Scenario LoadScenario(const std::string& path, const std::vector<std::string>& overrides) {
  return ReadScenario(Config::FromFile(path, overrides), path);
}

Scenario ParseScenario(const std::string& text, const std::string& path,
                       const std::vector<std::string>& overrides) {
  return ReadScenario(Config::FromText(text, path, overrides), path);
}

}  // namespace hat
