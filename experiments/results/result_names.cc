#include "experiments/results/result_names.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/csv.h"
#include "core/nearest.h"
#include "experiments/results/results.h"

namespace hat {
namespace {

using Json = nlohmann::ordered_json;

// Of a run without a single request: what is empty there is filled by the scenario.
Recorder EmptyRun() { return Recorder(RecorderOptions()); }

void Collect(const Json& json, const std::string& path, ResultNames& names) {
  if (json.is_structured() && json.empty()) {
    names.prefixes.push_back(path + ".");
  } else if (json.is_object()) {
    for (const auto& [name, value] : json.items()) {
      Collect(value, path.empty() ? name : path + "." + name, names);
    }
  } else if (!json.is_string()) {
    names.names.insert(path);
  }
}

ResultNames NamesOfColumns(const std::string& file, const std::string& csv) {
  const std::vector<std::string> columns = CsvFile::Parse(csv, file).columns();
  return {file, {columns.begin(), columns.end()}, {}};
}

}  // namespace

bool ResultNames::MayHave(const std::string& name) const {
  return names.contains(name) || std::ranges::any_of(prefixes, [&](const std::string& prefix) {
           return name.starts_with(prefix) && name.size() > prefix.size();
         });
}

std::string ResultNames::Hint(const std::string& name) const {
  const std::optional<std::string> nearest = Nearest(name, names);
  return nearest ? fmt::format("; did you mean '{}'?", *nearest)
                 : "; docs/formats.md has all of them";
}

ResultNames NamesInSummary() {
  Json json = Json::parse(SummaryJson(EmptyRun(), {}));
  for (const char* known : {"schema_version", "seed"}) json.erase(known);
  ResultNames names{"summary.json", {}, {}};
  Collect(json, "", names);
  return names;
}

ResultNames NamesInRequestsCsv() { return NamesOfColumns("requests.csv", RequestsCsv(EmptyRun())); }

ResultNames NamesInUtilisationCsv() {
  ResultNames names = NamesOfColumns("utilisation.csv", UtilisationCsv(EmptyRun()));
  names.prefixes = {"device.", "stage."};
  return names;
}

}  // namespace hat
