#include "experiments/validate/settings.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "core/config_keys.h"
#include "core/error.h"

namespace hat {
namespace {

using Texts = std::map<std::string, std::string>;

constexpr size_t kMostShown = 5;
constexpr size_t kMostShownText = 60;  // of a value, in a message

Manifest ManifestOf(const nlohmann::json& json) {
  Manifest manifest;
  json.at("world").get_to(manifest.world);
  json.at("commit").get_to(manifest.commit);
  json.at("system").get_to(manifest.system);
  json.at("seed").get_to(manifest.seed);
  json.at("partial").get_to(manifest.is_partial);
  json.at("config").get_to(manifest.config);
  int profile = 0;
  for (const nlohmann::json& one : json.at("profiles")) {
    manifest.files.push_back(
        {fmt::format("profile {} ({})", profile++, one.at("id").get<std::string>()),
         one.at("sha256").get<std::string>()});
  }
  for (const nlohmann::json& one : json.at("inputs")) {
    manifest.files.push_back(
        {one.at("role").get<std::string>(), one.at("sha256").get<std::string>()});
  }
  return manifest;
}

// Whatever one of the two lacks is "none" there.
std::vector<SettingDifference> DifferencesOf(const Texts& simulated, const Texts& live) {
  std::vector<SettingDifference> differences;
  std::set<std::string> keys;
  for (const auto& [key, value] : simulated) keys.insert(key);
  for (const auto& [key, value] : live) keys.insert(key);
  const auto value_of = [](const Texts& texts, const std::string& key) {
    const auto found = texts.find(key);
    return found == texts.end() ? std::string("none") : found->second;
  };
  for (const std::string& key : keys) {
    const std::string ours = value_of(simulated, key), theirs = value_of(live, key);
    if (ours != theirs) differences.push_back({key, ours, theirs});
  }
  return differences;
}

Texts DigestsOf(const Manifest& manifest) {
  Texts digests;
  for (const NamedDigest& file : manifest.files) digests[file.name] = file.sha256;
  return digests;
}

Texts KeysThatDecide(const std::string& config, const std::string& name) {
  Texts keys = KeysOf(config, name);
  keys.erase("name");
  return keys;
}

std::string Shortened(const std::string& text) {
  return text.size() <= kMostShownText ? text : text.substr(0, kMostShownText - 3) + "...";
}

}  // namespace

Manifest ParseManifest(const std::string& text, const std::string& name) {
  try {
    return ManifestOf(nlohmann::json::parse(text));
  } catch (const nlohmann::json::exception& error) {
    throw InputError(fmt::format("{}: not the manifest of a run: {}", name, error.what()));
  }
}

std::vector<SettingDifference> ConfigDifferences(const std::string& simulated,
                                                 const std::string& live,
                                                 const std::string& live_name) {
  return DifferencesOf(KeysThatDecide(simulated, "the simulation's configuration"),
                       KeysThatDecide(live, live_name + ": config"));
}

std::vector<SettingDifference> FileDifferences(const Manifest& simulated, const Manifest& live) {
  return DifferencesOf(DigestsOf(simulated), DigestsOf(live));
}

std::vector<SettingDifference> ReceiptDifferences(const Scenario& simulated,
                                                  const std::string& trace_model_sha256,
                                                  const Receipt& live) {
  const CloudConfig& cloud = simulated.scheduler;
  const ReceiptSettings& settings = live.settings;
  std::vector<SettingDifference> differences;
  const auto compare = [&](const char* key, const auto& ours, const auto& theirs) {
    if (ours == theirs) return;
    differences.push_back({key, fmt::format("{}", ours), fmt::format("{}", theirs)});
  };
  compare("cloud.kv_tokens", cloud.kv_tokens, settings.kv_tokens);
  compare("cloud.token_budget", cloud.token_budget, settings.token_budget);
  compare("cloud.replicas", cloud.replicas, settings.replicas);
  compare("cloud.stages", cloud.stages, settings.stages);
  compare("fleet.max_sessions", simulated.fleet.max_sessions, settings.max_sessions);
  compare("model.device_layers", simulated.fleet.device_layers, settings.device_layers);
  compare("model.wire_dtype", LongName(simulated.wire_dtype), LongName(settings.wire_dtype));
  if (!trace_model_sha256.empty()) {
    compare("model_sha256", trace_model_sha256, live.model_sha256);
  }
  return differences;
}

void RefuseDifferences(const std::vector<SettingDifference>& differences, const std::string& name) {
  if (differences.empty()) return;
  std::vector<std::string> shown;
  for (const SettingDifference& difference : differences) {
    if (shown.size() == kMostShown) break;
    shown.push_back(fmt::format("'{}' is {} there and {} here", difference.key,
                                Shortened(difference.live), Shortened(difference.simulated)));
  }
  const size_t more = differences.size() - shown.size();
  throw InputError(fmt::format(
      "{}: not a run of this scenario: {}{}; give the scenario and the "
      "--set that the replay had",
      name, fmt::join(shown, ", "), more > 0 ? fmt::format(", and {} more", more) : ""));
}

}  // namespace hat
