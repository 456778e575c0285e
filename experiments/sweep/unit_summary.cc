#include "experiments/sweep/unit_summary.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/files.h"

namespace hat {
namespace {

using Json = nlohmann::ordered_json;

void Flatten(const Json& json, const std::string& path, UnitSummary& summary) {
  const auto below = [&](const std::string& name) {
    return path.empty() ? name : path + "." + name;
  };
  if (json.is_object()) {
    for (const auto& [name, value] : json.items()) Flatten(value, below(name), summary);
  } else if (json.is_array()) {
    for (size_t i = 0; i < json.size(); ++i) Flatten(json[i], below(std::to_string(i)), summary);
  } else if (json.is_boolean()) {
    summary.metrics.emplace_back(path, json.get<bool>() ? 1 : 0);
  } else if (json.is_number()) {
    summary.metrics.emplace_back(path, json.get<double>());
  }
}

}  // namespace

std::optional<double> UnitSummary::Metric(std::string_view path) const {
  const auto found = std::ranges::find(metrics, path, &std::pair<std::string, double>::first);
  return found == metrics.end() ? std::nullopt : std::optional(found->second);
}

UnitSummary ReadUnitSummary(const std::string& path) {
  try {
    Json json = Json::parse(ReadFile(path));
    UnitSummary summary;
    json.at("label").get_to(summary.label);
    json.at("system").get_to(summary.system);
    summary.not_possible = json.value("not_possible", "");
    for (const char* known : {"schema_version", "seed"}) json.erase(known);
    Flatten(json, "", summary);
    return summary;
  } catch (const Json::exception& error) {
    throw InputError(fmt::format(
        "{}: not a summary of a run ({}); in a sweep, remove its folder and run the sweep again",
        path, error.what()));
  }
}

}  // namespace hat
