#include "experiments/calibrate/spec.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>
#include <set>

#include "core/config.h"
#include "experiments/results/published.h"

namespace hat {
namespace {

constexpr int kMostEvaluations = 100'000;

// A text that stands in a table and in a comment.
std::string Words(const ConfigTable& table, const std::string& key) {
  const std::string text = table.String(key);
  const auto is_bad = [](char c) {
    return c == '|' || (c >= 0 && c < ' ' && c != '\n') || c == 127;
  };
  if (std::ranges::none_of(text, is_bad)) return text;
  throw table.Error(key, "must not hold '|' or control characters");
}

std::vector<ParameterKey> ReadKeys(const ConfigTable& table) {
  std::vector<ParameterKey> keys;
  for (const ConfigTable& entry : table.Tables("keys")) {
    const Range any = Range::Between(-1e12, 1e12);
    ParameterKey key{entry.String("key"), entry.Number("a", any, 0.0), entry.Number("b", any, 1.0),
                     entry.String("text", "{}")};
    if (key.text.find("{}") == std::string::npos) {
      throw entry.Error("text",
                        fmt::format("must have {{}} where the number stands, got '{}'", key.text));
    }
    keys.push_back(std::move(key));
  }
  if (keys.empty()) throw table.Error("keys", "must hold at least one {key = \"...\"}");
  return keys;
}

Parameter ReadParameter(const ConfigTable& table) {
  Parameter parameter;
  parameter.name = Words(table, "name");
  parameter.keys = ReadKeys(table);
  parameter.is_log = table.Choice("scale", {"linear", "log"}, "linear") == "log";
  const Range range = parameter.is_log ? Range::Positive(1e12) : Range::Between(-1e12, 1e12);
  parameter.low = table.Number("low", range);
  parameter.high = table.Number("high", range);
  const double near =
      parameter.Scaled(parameter.low) * 0.99 + parameter.Scaled(parameter.high) * 0.01;
  const bool differ =
      fmt::format("{:.6g}", parameter.FromScaled(near)) != fmt::format("{:.6g}", parameter.low);
  if (!(parameter.high > parameter.low) || !differ) {
    throw table.Error("high",
                      fmt::format("must be above low = {:g}, so that a hundredth of the way "
                                  "there shows in six digits",
                                  parameter.low));
  }
  parameter.prior = table.Number("prior", Range::Between(parameter.low, parameter.high));
  parameter.spread = table.Number("spread", Range::Between(1e-6, 1e6));
  parameter.reason = Words(table, "reason");
  return parameter;
}

CalibrationCase ReadCase(const ConfigTable& table) {
  CalibrationCase one{Words(table, "name"), table.Strings("systems"), table.Overrides("set")};
  if (one.systems.empty()) throw table.Error("systems", "must name at least one");
  for (const std::string& system : one.systems) {
    if (std::ranges::count(one.systems, system) == 1) continue;
    throw table.Error("systems", fmt::format("names '{}' twice", system));
  }
  return one;
}

Assumption ReadAssumption(const ConfigTable& table) {
  return {Words(table, "name"), table.Overrides("set"), Words(table, "reason")};
}

template <typename T>
void RefuseTwice(const std::vector<T>& known, const std::string& name, const ConfigTable& table) {
  if (std::ranges::any_of(known, [&](const T& one) { return one.name == name; })) {
    throw table.Error("name", fmt::format("'{}' is there twice", name));
  }
}

// The rows of the file of published figures, read once for each experiment.
class Published {
 public:
  explicit Published(std::string path) : path_(std::move(path)) {}

  const PublishedValue& At(const ConfigTable& table, const Target& target) {
    auto known = experiments_.find(target.experiment);
    if (known == experiments_.end()) {
      known = experiments_.emplace(target.experiment, PublishedOf(path_, target.experiment)).first;
    }
    for (const PublishedValue& value : known->second) {
      const bool is_it =
          value.system == target.published_system && value.metric == target.published_metric;
      if (is_it && value.value != 0) return value;
    }
    throw table.Error("metric", fmt::format("{} has no row of experiment '{}', system '{}', metric "
                                            "'{}' with a value other than 0",
                                            path_, target.experiment, target.published_system,
                                            target.published_metric));
  }

 private:
  const std::string path_;
  std::map<std::string, std::vector<PublishedValue>> experiments_;
};

std::optional<Relation> ReadForm(const ConfigTable& table) {
  const std::string form = table.Choice("form", {"value", "reduction", "ratio"}, "value");
  if (form == "value") return std::nullopt;
  return form == "ratio" ? Relation::kSpeedup : Relation::kReduction;
}

// A target for each of the table's systems.
void ReadTargets(const ConfigTable& table, Published& published, CalibrationSpec& spec) {
  Target target;
  target.group = Words(table, "name");
  target.experiment = table.String("experiment");
  target.published_metric = table.String("metric");
  target.case_name = table.String("case");
  target.relation = ReadForm(table);
  target.metrics = table.Strings("ours", std::vector<std::string>{target.published_metric});
  target.weight = table.Number("weight", Range::NonNegative(1e6), 1.0);
  if (target.metrics.empty()) throw table.Error("ours", "must name at least one metric");
  const auto known = std::ranges::find(spec.cases, target.case_name, &CalibrationCase::name);
  if (known == spec.cases.end()) {
    throw table.Error("case", fmt::format("'{}' is none of the cases", target.case_name));
  }
  const auto require = [&](const char* key, const std::string& system) {
    if (std::ranges::count(known->systems, system) > 0) return;
    throw table.Error(key, fmt::format("'{}' is no system of the case '{}'", system, known->name));
  };
  if (!target.relation) {
    table.Forbid({"of"}, "form", "form = \"value\"");
  } else {
    require("of", target.of = table.String("of"));
  }
  const std::vector<std::string> systems = table.Strings("systems");
  const std::vector<std::string> names = table.Strings("published_systems", systems);
  if (systems.empty() || names.size() != systems.size()) {
    throw table.Error("systems", "must name at least one, and as many as published_systems");
  }
  for (size_t i = 0; i < systems.size(); ++i) {
    require("systems", target.system = systems[i]);
    target.published_system = names[i];
    const PublishedValue& value = published.At(table, target);
    if (std::ranges::any_of(spec.targets,
                            [&](const Target& other) { return other.Name() == target.Name(); })) {
      throw table.Error("systems", fmt::format("the figure '{}' is there twice", target.Name()));
    }
    target.published = value.value;
    target.source = value.source;
    spec.targets.push_back(target);
  }
}

// Each key of the result is set once, and what a parameter sets by nothing else.
void CheckKeys(const ConfigTable& root, const CalibrationSpec& spec) {
  std::set<std::string> of_parameters, of_result;
  for (const Parameter& parameter : spec.parameters) {
    for (const ParameterKey& key : parameter.keys) {
      if (of_parameters.insert(key.key).second) continue;
      throw root.Error("parameter", fmt::format("sets '{}' twice", key.key));
    }
  }
  const auto refuse = [&](const char* who, const std::vector<std::string>& set,
                          const std::string& reason, const std::set<std::string>& keys) {
    for (const std::string& text : set) {
      if (!keys.contains(KeyOfOverride(text))) continue;
      throw root.Error(who, fmt::format("sets '{}', which {}", KeyOfOverride(text), reason));
    }
  };
  const auto check = [&](const char* who, const std::vector<std::string>& set) {
    refuse(who, set, "a parameter sets", of_parameters);
    refuse(who, set, "'systems' of the cases choose", {"system.name"});
    if (who != std::string("set")) refuse(who, set, "only 'set' of the whole chooses", {"seed"});
  };
  check("set", spec.set);
  for (const Assumption& assumption : spec.assumptions) {
    check("assumption", assumption.set);
    for (const std::string& text : assumption.set) {
      if (of_result.insert(KeyOfOverride(text)).second) continue;
      throw root.Error("assumption", fmt::format("sets '{}' twice", KeyOfOverride(text)));
    }
  }
  for (const CalibrationCase& one : spec.cases) {
    check("case", one.set);
    refuse("case", one.set, "an assumption sets", of_result);
  }
  for (const Assumption& alternative : spec.alternatives) check("alternative", alternative.set);
}

int ReadEvaluations(const ConfigTable& table, const std::string& key, int fallback) {
  return static_cast<int>(table.Integer(key, 0, kMostEvaluations, fallback));
}

void ReadSearch(const ConfigTable& root, CalibrationSpec& spec) {
  const ConfigTable table = root.Table("search");
  spec.global_evaluations = ReadEvaluations(table, "global", 200);
  spec.local_evaluations = ReadEvaluations(table, "local", 100);
  spec.profile_evaluations = ReadEvaluations(table, "profile", 8);
  spec.alternative_evaluations = ReadEvaluations(table, "alternative", 30);
}

}  // namespace

double Parameter::Scaled(double x) const { return is_log ? std::log(x) : x; }
double Parameter::FromScaled(double u) const { return is_log ? std::exp(u) : u; }

std::string ParameterKey::ValueAt(double x) const {
  std::string value = text;
  return value.replace(value.find("{}"), 2, fmt::format("{:.6g}", a + b * x));
}

std::string Target::Name() const {
  return fmt::format("{}, {}, {}", experiment, published_system, published_metric);
}

std::vector<double> CalibrationSpec::Priors() const {
  std::vector<double> priors;
  for (const Parameter& parameter : parameters) priors.push_back(parameter.prior);
  return priors;
}

CalibrationSpec LoadCalibrationSpec(const std::string& path) {
  const Config config = Config::FromFile(path);
  const ConfigTable root = config.Root();
  CalibrationSpec spec;
  spec.name = std::filesystem::path(path).stem();
  spec.scenario = root.Path("scenario");
  spec.set = root.Overrides("set");
  spec.seeds = static_cast<int>(root.Integer("seeds", 1, 1000, 1));
  spec.sigma = root.Number("sigma", Range::Between(1e-6, 10), 0.08);
  ReadSearch(root, spec);
  for (const ConfigTable& table : root.Tables("assumption")) {
    spec.assumptions.push_back(ReadAssumption(table));
  }
  for (const ConfigTable& table : root.Tables("parameter")) {
    Parameter parameter = ReadParameter(table);
    RefuseTwice(spec.parameters, parameter.name, table);
    spec.parameters.push_back(std::move(parameter));
  }
  if (spec.parameters.empty() || spec.parameters.size() > kMostParameters) {
    throw root.Error("parameter",
                     fmt::format("must be there 1 to {} times, is {} times: more could not be told "
                                 "apart",
                                 kMostParameters, spec.parameters.size()));
  }
  for (const ConfigTable& table : root.Tables("case")) {
    CalibrationCase one = ReadCase(table);
    RefuseTwice(spec.cases, one.name, table);
    spec.cases.push_back(std::move(one));
  }
  spec.published = root.Path("published");
  Published published(spec.published);
  for (const ConfigTable& table : root.Tables("targets")) ReadTargets(table, published, spec);
  if (std::ranges::none_of(spec.targets, [](const Target& one) { return one.weight > 0; })) {
    throw root.Error("targets", "must be there at least once with a weight above 0");
  }
  for (const ConfigTable& table : root.Tables("alternative")) {
    Assumption alternative = ReadAssumption(table);
    RefuseTwice(spec.alternatives, alternative.name, table);
    spec.alternatives.push_back(std::move(alternative));
  }
  config.RejectUnknownKeys();
  CheckKeys(root, spec);
  return spec;
}

}  // namespace hat
