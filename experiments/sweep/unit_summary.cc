#include "experiments/sweep/unit_summary.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/files.h"

namespace hat {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::string_view kPlus = " + ";

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

std::vector<std::string> PathsOf(std::string_view metric) {
  std::vector<std::string> paths;
  for (size_t plus; (plus = metric.find(kPlus)) != metric.npos;
       metric.remove_prefix(plus + kPlus.size())) {
    paths.emplace_back(metric.substr(0, plus));
  }
  paths.emplace_back(metric);
  return paths;
}

std::optional<double> UnitSummary::Metric(std::string_view metric) const {
  double sum = 0;
  for (const std::string& path : PathsOf(metric)) {
    const auto found = std::ranges::find(metrics, path, &std::pair<std::string, double>::first);
    if (found == metrics.end()) return std::nullopt;
    sum += found->second;
  }
  return sum;
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
