#include "experiments/validate/receipt.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <limits>
#include <string_view>

#include "core/files.h"
#include "core/strict_json.h"
#include "experiments/results/json_number.h"

namespace hat {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kMost = std::numeric_limits<int>::max();
constexpr int64_t kMostCount = int64_t{1} << 53;
constexpr double kMostTime = 1e12;
const std::vector<std::string> kRoles = {"controller", "cloud", "device"};
const std::vector<std::string> kShapings = {"transport", "kernel", "none"};
const std::vector<std::string> kDecisions = {"token", "proposal", "confidence", "branch"};

// -- writing

template <class T, class ToJson>
Json List(const std::vector<T>& values, ToJson to_json) {
  Json json = Json::array();
  for (const T& value : values) json.push_back(to_json(value));
  return json;
}

Json MeasurementJson(const LinkMeasurement& link) {
  return {{"round_trip_ms", JsonNumber(link.round_trip_ms)},
          {"up_mbps", JsonNumber(link.up_mbps)},
          {"down_mbps", JsonNumber(link.down_mbps)}};
}

// What was not measured has no key.
Json LinkJson(const ReceiptLink& link) {
  Json json = {{"device", link.device}};
  if (link.before) json["before"] = MeasurementJson(*link.before);
  if (link.after) json["after"] = MeasurementJson(*link.after);
  return json;
}

Json SettingsJson(const ReceiptSettings& settings) {
  return {{"replicas", settings.replicas},
          {"stages", settings.stages},
          {"kv_tokens", settings.kv_tokens},
          {"token_budget", settings.token_budget},
          {"max_sessions", settings.max_sessions},
          {"device_layers", settings.device_layers},
          {"wire_dtype", LongName(settings.wire_dtype)},
          {"state_dtype", LongName(settings.state_dtype)},
          {"compute_dtype", LongName(settings.compute_dtype)},
          {"cloud_threads", settings.cloud_threads},
          {"device_threads", settings.device_threads}};
}

Json HostJson(const ReceiptHost& host) {
  return {{"name", host.name},
          {"roles", host.roles},
          {"hardware", host.hardware},
          {"system", host.system},
          {"cores", host.cores},
          {"memory_bytes", host.memory_bytes},
          {"cpu_s", JsonNumber(host.cpu_s)}};
}

Json OutputJson(const ReceiptOutput& output) {
  Json json = {{"request", output.request}, {"sha256", output.sha256}};
  if (!output.reference_sha256.empty()) json["reference_sha256"] = output.reference_sha256;
  return json;
}

// -- reading

int Int(const JsonNode& node, int low) { return static_cast<int>(node.Integer(low, kMost)); }

std::string Digest(const JsonNode& node) {
  std::string text = node.String();
  const bool is_hex = std::ranges::all_of(
      text, [](unsigned char c) { return std::isdigit(c) != 0 || (c >= 'a' && c <= 'f'); });
  if (text.size() != 64 || !is_hex) node.Fail("must be 64 hex digits, in lower case");
  return text;
}

Dtype DtypeOf(const JsonNode& node) { return *FindDtype(node.Choice(DtypeWords(kAllDtypes))); }

template <class Read>
auto ListOf(const JsonNode& node, Read read) {
  std::vector<decltype(read(node))> values;
  for (const JsonNode& item : node.Items()) values.push_back(read(item));
  return values;
}

ReceiptProgram ReadProgram(const JsonNode& node) {
  node.AllowOnly({"name", "commit", "sha256"});
  return {node.At("name").String(), node.At("commit").String(), Digest(node.At("sha256"))};
}

ReceiptHost ReadHost(const JsonNode& node) {
  node.AllowOnly({"name", "roles", "hardware", "system", "cores", "memory_bytes", "cpu_s"});
  ReceiptHost host;
  host.name = node.At("name").String();
  host.roles = ListOf(node.At("roles"), [](const JsonNode& role) { return role.Choice(kRoles); });
  host.hardware = node.At("hardware").String();
  host.system = node.At("system").String();
  host.cores = Int(node.At("cores"), 1);
  host.memory_bytes = node.At("memory_bytes").Integer(1, kMostCount);
  if (node.Has("cpu_s")) host.cpu_s = node.At("cpu_s").Number(0, kMostTime);
  return host;
}

ReceiptSettings ReadSettings(const JsonNode& node) {
  node.AllowOnly({"replicas", "stages", "kv_tokens", "token_budget", "max_sessions",
                  "device_layers", "wire_dtype", "state_dtype", "compute_dtype", "cloud_threads",
                  "device_threads"});
  ReceiptSettings settings;
  settings.replicas = Int(node.At("replicas"), 1);
  settings.stages = Int(node.At("stages"), 1);
  settings.kv_tokens = node.At("kv_tokens").Integer(1, kMostCount);
  settings.token_budget = Int(node.At("token_budget"), 1);
  settings.max_sessions = Int(node.At("max_sessions"), 1);
  settings.device_layers = Int(node.At("device_layers"), 1);
  settings.wire_dtype = DtypeOf(node.At("wire_dtype"));
  settings.state_dtype = DtypeOf(node.At("state_dtype"));
  settings.compute_dtype = DtypeOf(node.At("compute_dtype"));
  settings.cloud_threads = Int(node.At("cloud_threads"), 1);
  settings.device_threads = Int(node.At("device_threads"), 1);
  return settings;
}

std::optional<LinkMeasurement> ReadMeasurement(const JsonNode& parent, const std::string& key) {
  if (!parent.Has(key)) return std::nullopt;
  const JsonNode node = parent.At(key);
  node.AllowOnly({"round_trip_ms", "up_mbps", "down_mbps"});
  return LinkMeasurement{node.At("round_trip_ms").Number(0, kMostTime),
                         node.At("up_mbps").Number(0, kMostTime),
                         node.At("down_mbps").Number(0, kMostTime)};
}

ReceiptLink ReadLink(const JsonNode& node) {
  node.AllowOnly({"device", "before", "after"});
  return {Int(node.At("device"), 0), ReadMeasurement(node, "before"),
          ReadMeasurement(node, "after")};
}

ReceiptClock ReadClock(const JsonNode& node) {
  node.AllowOnly({"host", "before_ms", "after_ms", "uncertainty_ms"});
  return {node.At("host").String(), node.At("before_ms").Number(-kMostTime, kMostTime),
          node.At("after_ms").Number(-kMostTime, kMostTime),
          node.At("uncertainty_ms").Number(0, kMostTime)};
}

ReceiptOverruns ReadOverruns(const JsonNode& node) {
  node.AllowOnly({"operations", "overran", "largest_ms"});
  ReceiptOverruns overruns;
  overruns.operations = node.At("operations").Integer(0, kMostCount);
  overruns.overran = node.At("overran").Integer(0, overruns.operations);
  overruns.largest_ms = node.At("largest_ms").Number(0, kMostTime);
  return overruns;
}

ReceiptLateness ReadLateness(const JsonNode& node) {
  node.AllowOnly({"frames", "p50_us", "p99_us", "largest_us"});
  return {node.At("frames").Integer(0, kMostCount), node.At("p50_us").Number(-kMostTime, kMostTime),
          node.At("p99_us").Number(-kMostTime, kMostTime),
          node.At("largest_us").Number(-kMostTime, kMostTime)};
}

ReceiptOutput ReadOutput(const JsonNode& node) {
  node.AllowOnly({"request", "sha256", "reference_sha256"});
  const bool has_reference = node.Has("reference_sha256");
  return {Int(node.At("request"), 0), Digest(node.At("sha256")),
          has_reference ? Digest(node.At("reference_sha256")) : ""};
}

ReceiptNearTie ReadNearTie(const JsonNode& node) {
  node.AllowOnly({"request", "decision", "output_index", "gap"});
  return {Int(node.At("request"), 0), node.At("decision").Choice(kDecisions),
          Int(node.At("output_index"), 0), node.At("gap").Number(0, 1)};
}

template <class T>
void RequireAscending(const std::vector<T>& values, const JsonNode& node, bool allows_equal) {
  for (size_t i = 1; i < values.size(); ++i) {
    const int before = values[i - 1].request, request = values[i].request;
    if (before < request || (allows_equal && before == request)) continue;
    node.Fail(fmt::format("must ascend by request, got {} after {}", request, before));
  }
}

void RequireSome(bool is_empty, const JsonNode& node) {
  if (is_empty) node.Fail("must not be empty");
}

}  // namespace

std::string ReceiptJson(const Receipt& receipt) {
  Json json = {{"schema_version", kReceiptSchema}};
  json["programs"] = List(receipt.programs, [](const ReceiptProgram& program) -> Json {
    return {{"name", program.name}, {"commit", program.commit}, {"sha256", program.sha256}};
  });
  json["model_sha256"] = receipt.model_sha256;
  json["hosts"] = List(receipt.hosts, HostJson);
  json["time_scale"] = JsonNumber(receipt.time_scale);
  json["shaping"] = receipt.shaping;
  json["settings"] = SettingsJson(receipt.settings);
  json["links"] = List(receipt.links, LinkJson);
  json["clocks"] = List(receipt.clocks, [](const ReceiptClock& clock) -> Json {
    return {{"host", clock.host},
            {"before_ms", JsonNumber(clock.before_ms)},
            {"after_ms", JsonNumber(clock.after_ms)},
            {"uncertainty_ms", JsonNumber(clock.uncertainty_ms)}};
  });
  json["overruns"] = {{"operations", receipt.overruns.operations},
                      {"overran", receipt.overruns.overran},
                      {"largest_ms", JsonNumber(receipt.overruns.largest_ms)}};
  json["lateness"] = {{"frames", receipt.lateness.frames},
                      {"p50_us", JsonNumber(receipt.lateness.p50_us)},
                      {"p99_us", JsonNumber(receipt.lateness.p99_us)},
                      {"largest_us", JsonNumber(receipt.lateness.largest_us)}};
  json["outputs"] = List(receipt.outputs, OutputJson);
  json["near_ties"] = List(receipt.near_ties, [](const ReceiptNearTie& tie) -> Json {
    return {{"request", tie.request},
            {"decision", tie.decision},
            {"output_index", tie.output_index},
            {"gap", JsonNumber(tie.gap)}};
  });
  return json.dump(2) + "\n";
}

Receipt ReadReceipt(const std::string& path) { return ParseReceipt(ReadFile(path), path); }

Receipt ParseReceipt(const std::string& text, const std::string& name) {
  const nlohmann::json document = ParseJson(text, name);
  const JsonNode root(document, name);
  root.AllowOnly({"schema_version", "programs", "model_sha256", "hosts", "time_scale", "shaping",
                  "settings", "links", "clocks", "overruns", "lateness", "outputs", "near_ties"});
  root.At("schema_version").Integer(kReceiptSchema, kReceiptSchema);
  Receipt receipt;
  receipt.programs = ListOf(root.At("programs"), ReadProgram);
  RequireSome(receipt.programs.empty(), root.At("programs"));
  receipt.model_sha256 = Digest(root.At("model_sha256"));
  receipt.hosts = ListOf(root.At("hosts"), ReadHost);
  RequireSome(receipt.hosts.empty(), root.At("hosts"));
  receipt.time_scale = root.At("time_scale").Number(1e-6, 1e6);
  receipt.shaping = root.At("shaping").Choice(kShapings);
  receipt.settings = ReadSettings(root.At("settings"));
  receipt.links = ListOf(root.At("links"), ReadLink);
  receipt.clocks = ListOf(root.At("clocks"), ReadClock);
  receipt.overruns = ReadOverruns(root.At("overruns"));
  receipt.lateness = ReadLateness(root.At("lateness"));
  receipt.outputs = ListOf(root.At("outputs"), ReadOutput);
  RequireAscending(receipt.outputs, root.At("outputs"), false);
  receipt.near_ties = ListOf(root.At("near_ties"), ReadNearTie);
  RequireAscending(receipt.near_ties, root.At("near_ties"), true);
  return receipt;
}

std::string OutputDigest(const std::vector<int>& token_ids) {
  std::string bytes;
  for (const int id : token_ids) {
    for (int shift = 0; shift < 32; shift += 8) {
      bytes += static_cast<char>((static_cast<uint32_t>(id) >> shift) & 0xff);
    }
  }
  return Sha256Hex(bytes);
}

}  // namespace hat
