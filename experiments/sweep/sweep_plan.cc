#include "experiments/sweep/sweep_plan.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cmath>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <utility>

#include "core/config.h"
#include "core/error.h"
#include "experiments/scenario/scenario.h"

namespace hat {
namespace {

// One choice of an axis: each of its keys with a value, or keys of its own.
struct Choice {
  std::vector<std::string> literals;  // TOML, by the axis's keys; empty: it has its own
  std::vector<std::string> shown;     // by the axis's names
  std::vector<std::string> set;       // "key=value": all that it sets
};

struct Axis {
  std::vector<std::string> names;  // the columns that tell its choices apart: the keys, or one
  std::vector<std::string> keys;   // that its choices set, some of them or all
  std::vector<Choice> choices;
  std::map<std::string, std::vector<std::string>> when;  // key: values of it that it is for
};

// A string without its quotes; everything else as it stands.
std::string Shown(const std::string& literal) {
  const bool is_quoted = literal.size() >= 2 && (literal.front() == '"' || literal.front() == '\'');
  return is_quoted ? literal.substr(1, literal.size() - 2) : literal;
}

std::string TomlString(const std::string& text) { return fmt::format("\"{}\"", text); }

// "from", "to", "steps": evenly spaced, both ends included; "scale": "log" spaces the ratios.
// Worked number: from 1 to 100 in 3 steps is 1, 50.5, 100, and 1, 10, 100 on a logarithmic scale.
std::vector<Choice> RangeOf(const ConfigTable& table) {
  const Range any = Range::Between(-1e15, 1e15);
  const double from = table.Number("from", any);
  const double to = table.Number("to", any);
  const auto steps = table.Integer("steps", 2, 10'000);
  const bool is_log = table.Choice("scale", {"linear", "log"}, "linear") == "log";
  if (is_log && (from <= 0 || to <= 0)) {
    throw table.Error("scale", "\"log\" needs 'from' and 'to' above 0");
  }
  std::vector<Choice> choices;
  for (int64_t i = 0; i < steps; ++i) {
    const double share = static_cast<double>(i) / static_cast<double>(steps - 1);
    const double value = is_log ? from * std::pow(to / from, share) : from + (to - from) * share;
    choices.push_back({{fmt::format("{:.12g}", i == steps - 1 ? to : value)}, {}, {}});
  }
  return choices;
}

std::vector<Choice> RowsOf(const ConfigTable& table, size_t keys) {
  std::vector<Choice> choices;
  for (std::vector<std::string>& row : table.LiteralRows("rows")) {
    if (row.size() != keys) {
      throw table.Error("rows", fmt::format("must have {} values in each, one for each of 'keys'; "
                                            "one has {}",
                                            keys, row.size()));
    }
    choices.push_back({std::move(row), {}, {}});
  }
  return choices;
}

// "sets": what each choice sets; `files` gets those that it is taken over from.
void ReadSets(const ConfigTable& table, Axis& axis, std::vector<std::string>* files) {
  for (std::vector<std::string>& set : table.OverrideSets("sets", files)) {
    for (const std::string& text : set) {
      if (!std::ranges::count(axis.keys, KeyOfOverride(text)))
        axis.keys.push_back(KeyOfOverride(text));
    }
    axis.choices.push_back({{}, {}, std::move(set)});
  }
}

// What is chosen before an axis: the values by name, in order.
using ChosenBefore = std::vector<std::pair<std::string, std::vector<std::string>>>;

const std::vector<std::string>* ValuesOf(const ChosenBefore& chosen, const std::string& name) {
  const auto found = std::ranges::find(chosen, name, &ChosenBefore::value_type::first);
  return found == chosen.end() ? nullptr : &found->second;
}

// "key=value" conditions on what was chosen before: values of one key are alternatives.
void ReadWhen(const ConfigTable& table, const ChosenBefore& chosen_before, Axis& axis) {
  for (const std::string& text : table.Strings("when", std::vector<std::string>{})) {
    const size_t equals = std::min(text.find('='), text.size());
    const std::string key = text.substr(0, equals);
    const std::string value = text.substr(std::min(equals + 1, text.size()));
    const std::vector<std::string>* const values = ValuesOf(chosen_before, key);
    if (values == nullptr) {
      std::vector<std::string> known;
      for (const auto& [name, of_name] : chosen_before) known.push_back(name);
      throw table.Error(
          "when", fmt::format("must be of the form \"key=value\", key one of what is chosen before "
                              "this axis ({}), got '{}'",
                              fmt::join(known, ", "), text));
    }
    if (!std::ranges::count(*values, value)) {
      throw table.Error("when", fmt::format("names '{}' = '{}', which is never chosen: there is {}",
                                            key, value, fmt::join(*values, ", ")));
    }
    axis.when[key].push_back(value);
  }
}

// Columns that results have beside the axes' (collect.h), in any case.
bool IsTaken(std::string name) {
  std::ranges::transform(name, name.begin(), [](unsigned char c) { return std::tolower(c); });
  constexpr std::array kTaken = {"cell", "unit", "key", "state", "reason", "label", "system"};
  return std::ranges::count(kTaken, name) > 0;
}

// What the choices are called: by the values of their keys, or by labels under a name.
void NameChoices(const ConfigTable& table, Axis& axis) {
  if (!table.Has("name")) {
    table.Forbid({"labels"}, "name", "no name");
    axis.names = axis.keys;
    for (Choice& choice : axis.choices) {
      for (const std::string& literal : choice.literals) choice.shown.push_back(Shown(literal));
    }
    return;
  }
  axis.names = {table.String("name")};
  const std::vector<std::string> labels = table.Strings("labels");
  if (labels.size() != axis.choices.size()) {
    throw table.Error("labels", fmt::format("must be {}, one for each choice, got {}",
                                            axis.choices.size(), labels.size()));
  }
  const auto is_line = [](const std::string& text) {
    return !text.empty() && std::ranges::none_of(text, [](unsigned char c) { return c < ' '; });
  };
  if (!is_line(axis.names[0])) throw table.Error("name", "must be one line of text");
  if (!std::ranges::all_of(labels, is_line)) {
    throw table.Error("labels", "must each be one line of text");
  }
  for (size_t i = 0; i < labels.size(); ++i) axis.choices[i].shown = {labels[i]};
}

// A choice that is there twice would count twice in every mean.
void RefuseTwice(const ConfigTable& table, const char* key, const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    if (std::ranges::count(names, name) > 1) {
      throw table.Error(key, fmt::format("has '{}' twice", name));
    }
  }
}

// `set_before`: keys that earlier axes set.
Axis ReadAxis(const ConfigTable& table, const ChosenBefore& chosen_before,
              const std::vector<std::string>& set_before, std::vector<std::string>* files) {
  Axis axis;
  if (table.Has("sets")) {
    table.Forbid({"key", "keys", "rows", "values", "from", "to", "steps", "scale"}, "sets",
                 "keys of each choice's own");
    ReadSets(table, axis, files);
  } else if (table.Has("keys")) {
    table.Forbid({"key", "values", "from", "to", "steps", "scale"}, "keys", "several keys");
    axis.keys = table.Strings("keys");
    axis.choices = RowsOf(table, axis.keys.size());
  } else {
    axis.keys = {table.String("key")};
    if (table.Has("from")) {
      table.Forbid({"values", "rows"}, "from", "a range");
      axis.choices = RangeOf(table);
    } else {
      for (std::string& literal : table.Literals("values")) {
        axis.choices.push_back({{literal}, {}, {}});
      }
    }
  }
  for (Choice& choice : axis.choices) {
    for (size_t i = 0; i < choice.literals.size(); ++i) {
      choice.set.push_back(axis.keys[i] + "=" + choice.literals[i]);
    }
  }
  const bool has_sets = table.Has("sets");
  const char* const list = has_sets            ? "sets"
                           : table.Has("keys") ? "rows"
                           : table.Has("from") ? "from"
                                               : "values";
  if (!has_sets && axis.keys.empty()) throw table.Error("keys", "must name at least one key");
  if (axis.choices.empty()) throw table.Error(list, "must have at least one value");
  if (has_sets && !table.Has("name")) throw table.Error("name", "is missing: 'sets' have no other");
  NameChoices(table, axis);
  std::vector<std::string> choices;
  for (const Choice& choice : axis.choices) {
    choices.push_back(fmt::format("{}", fmt::join(choice.shown, ", ")));
  }
  RefuseTwice(table, table.Has("name") ? "labels" : list, choices);
  const char* const of_keys = has_sets ? "sets" : table.Has("keys") ? "keys" : "key";
  const char* where = table.Has("name") ? "name" : of_keys;
  const auto refuse = [&](const std::string& name, const char* problem) {
    throw table.Error(where, fmt::format("names '{}', {}", name, problem));
  };
  for (const std::string& name : axis.names) {
    if (name == "seed") refuse(name, "for which the plan has 'seeds'");
    if (IsTaken(name)) refuse(name, "which is a column of its own in the results");
    if (ValuesOf(chosen_before, name) || std::ranges::count(axis.names, name) > 1) {
      refuse(name, "which is chosen already");
    }
  }
  where = of_keys;
  for (const std::string& key : axis.keys) {
    if (key == "seed") refuse(key, "for which the plan has 'seeds'");
    if (std::ranges::count(set_before, key) || std::ranges::count(axis.keys, key) > 1) {
      refuse(key, "which is chosen already");
    }
  }
  ReadWhen(table, chosen_before, axis);
  return axis;
}

// A number n: the scenario's seed s, s + 1, ..., n of them; nothing: s alone; or a list of seeds.
struct Seeds {
  int64_t count = 1;
  std::vector<uint64_t> list;

  std::vector<uint64_t> Of(uint64_t first) const {
    if (!list.empty()) return list;
    std::vector<uint64_t> seeds;
    for (int64_t i = 0; i < count; ++i) seeds.push_back(first + static_cast<uint64_t>(i));
    return seeds;
  }
};

Seeds ReadSeeds(const ConfigTable& root) {
  Seeds seeds;
  if (root.Has("seed_list")) {
    root.Forbid({"seeds"}, "seed_list", "a list");
    for (const double seed : root.Numbers("seed_list", Range::Between(0, 9e15))) {
      if (seed != std::floor(seed)) throw root.Error("seed_list", "must hold whole numbers");
      seeds.list.push_back(static_cast<uint64_t>(seed));
    }
    if (seeds.list.empty()) throw root.Error("seed_list", "must not be empty");
    std::vector<std::string> names;
    for (const uint64_t seed : seeds.list) names.push_back(std::to_string(seed));
    RefuseTwice(root, "seed_list", names);
  } else {
    seeds.count = root.Integer("seeds", 1, 100'000, 1);
  }
  return seeds;
}

std::vector<std::string> ReadScenarios(const ConfigTable& root) {
  if (!root.Has("scenarios")) return {root.Path("scenario")};
  root.Forbid({"scenario"}, "scenarios", "several");
  const std::vector<std::string> paths = root.Paths("scenarios");
  if (paths.empty()) throw root.Error("scenarios", "must name at least one");
  std::vector<std::string> names;
  for (const std::string& path : paths) names.push_back(std::filesystem::path(path).stem());
  RefuseTwice(root, "scenarios", names);
  return paths;
}

// What is chosen so far, on the way through the axes.
struct Chosen {
  std::map<std::string, std::string> shown;  // by key
  std::vector<std::string> overrides;
};

class Product {
 public:
  Product(std::string plan_path, const ConfigTable& root, const std::vector<std::string>& overrides)
      : path_(std::move(plan_path)) {
    base_ = root.Overrides("set", &files_);
    base_.insert(base_.end(), overrides.begin(), overrides.end());
    scenarios_ = ReadScenarios(root);
    seeds_ = ReadSeeds(root);
    ChosenBefore known;
    std::vector<std::string> set;
    if (scenarios_.size() > 1) {
      known.emplace_back("scenario", std::vector<std::string>{});
      for (const std::string& scenario : scenarios_) {
        known.back().second.push_back(std::filesystem::path(scenario).stem());
      }
    }
    if (root.Has("systems")) {
      Axis systems{{"system.name"}, {"system.name"}, {}, {}};
      for (const std::string& name : root.Strings("systems")) {
        systems.choices.push_back({{}, {name}, {"system.name=" + TomlString(name)}});
      }
      if (systems.choices.empty()) throw root.Error("systems", "must name at least one");
      RefuseTwice(root, "systems", root.Strings("systems"));
      AddAxis(std::move(systems), known, set);
    }
    for (const ConfigTable& table : root.Tables("axis")) {
      AddAxis(ReadAxis(table, known, set, &files_), known, set);
    }
    for (const auto& [name, values] : known) names_.push_back(name);
    names_.push_back("seed");
    if (!seeds_.list.empty()) set.push_back("seed");
    for (const std::string& text : base_) {
      if (!std::ranges::count(set, KeyOfOverride(text))) continue;
      throw InputError(fmt::format("'{}' is set for all runs, but the plan chooses '{}' for each",
                                   text, KeyOfOverride(text)));
    }
  }

  void SetSeeds(int count) { seeds_ = {count, {}}; }

  void Fill(SweepPlan& plan) {
    plan_ = &plan;
    plan.axes = names_;
    plan.files = files_;
    for (const std::string& scenario : scenarios_) {
      scenario_ = scenario;
      seeds_here_ = seeds_.Of(seeds_.list.empty() ? FirstSeed(scenario) : 0);
      Chosen chosen{{}, base_};
      std::erase_if(chosen.overrides,  // of the first seed
                    [](const std::string& text) { return text.starts_with("seed="); });
      chosen.shown["scenario"] = std::filesystem::path(scenario).stem();
      Descend(0, chosen);
    }
  }

 private:
  void AddAxis(Axis axis, ChosenBefore& known, std::vector<std::string>& set) {
    for (size_t i = 0; i < axis.names.size(); ++i) {
      known.emplace_back(axis.names[i], std::vector<std::string>{});
      for (const Choice& choice : axis.choices) known.back().second.push_back(choice.shown[i]);
    }
    set.insert(set.end(), axis.keys.begin(), axis.keys.end());
    axes_.push_back(std::move(axis));
  }

  uint64_t FirstSeed(const std::string& scenario) const {
    try {
      return LoadScenario(scenario, base_).seed;
    } catch (const InputError& error) {
      throw InputError(fmt::format("{}: {}", path_, error.what()));
    }
  }

  static bool Applies(const Axis& axis, const Chosen& chosen) {
    return std::ranges::all_of(axis.when, [&](const auto& condition) {
      const auto found = chosen.shown.find(condition.first);
      return found != chosen.shown.end() && std::ranges::count(condition.second, found->second) > 0;
    });
  }

  void Descend(size_t depth, const Chosen& chosen) {
    if (depth == axes_.size()) return AddCells(chosen);
    const Axis& axis = axes_[depth];
    if (!Applies(axis, chosen)) return Descend(depth + 1, chosen);
    for (const Choice& choice : axis.choices) {
      Chosen next = chosen;
      for (size_t i = 0; i < axis.names.size(); ++i) next.shown[axis.names[i]] = choice.shown[i];
      next.overrides.insert(next.overrides.end(), choice.set.begin(), choice.set.end());
      Descend(depth + 1, next);
    }
  }

  void AddCells(const Chosen& chosen) {
    for (const uint64_t seed : seeds_here_) {
      if (plan_->plan.cells.size() == kMostCells) {
        throw InputError(
            fmt::format("the plan '{}' has more than {} runs; make several plans of it",
                        plan_->name, kMostCells));
      }
      std::vector<std::string> values, words;
      for (const std::string& axis : names_) {
        const auto found = chosen.shown.find(axis);
        values.push_back(axis == "seed"                ? std::to_string(seed)
                         : found == chosen.shown.end() ? ""
                                                       : found->second);
        if (axis == "seed" || values.back().empty()) continue;
        words.push_back(axis == "system.name" || axis == "scenario"
                            ? values.back()
                            : fmt::format("{} = {}", axis, values.back()));
      }
      words.push_back(fmt::format("seed {}", seed));
      plan_->plan.cells.push_back(
          {fmt::format("{}", fmt::join(words, ", ")), "", scenario_, chosen.overrides, seed});
      plan_->values.push_back(std::move(values));
    }
  }

  const std::string path_;  // of the plan
  std::vector<std::string> base_;
  std::vector<std::string> files_;  // whose keys are in base_
  std::vector<std::string> scenarios_;
  Seeds seeds_;
  std::vector<Axis> axes_;
  std::vector<std::string> names_;
  SweepPlan* plan_ = nullptr;
  std::string scenario_;
  std::vector<uint64_t> seeds_here_;
};

void CheckRelativeTo(const SweepPlan& plan, const ConfigTable& table) {
  const FigureSpec& figure = *plan.figure;
  if (figure.relative_to.empty()) return;
  std::vector<std::string> axes = {figure.series, figure.x};
  std::erase(axes, "");
  for (const std::string& axis : axes) {
    const size_t at = plan.AxisIndex(axis);
    const auto is_it = [&](const auto& values) { return values[at] == figure.relative_to; };
    if (std::ranges::any_of(plan.values, is_it)) return;
  }
  throw table.Error("relative_to", fmt::format("must be a choice of '{}', got '{}'",
                                               fmt::join(axes, "' or '"), figure.relative_to));
}

}  // namespace

size_t SweepPlan::AxisIndex(const std::string& axis) const {
  const auto found = std::ranges::find(axes, axis);
  HAT_CHECK(found != axes.end(), axis);
  return static_cast<size_t>(found - axes.begin());
}

SweepPlan LoadSweepPlan(const std::string& path, const std::vector<std::string>& overrides,
                        bool is_quick) {
  const Config config = Config::FromFile(path);
  const ConfigTable root = config.Root();
  SweepPlan plan;
  plan.name = root.String("name", std::filesystem::path(path).stem());
  std::vector<std::string> more = overrides;
  if (root.Has("figure")) plan.figure = ReadFigureSpec(root.Table("figure"));
  if (is_quick && plan.figure) {
    more.insert(more.begin(), plan.figure->quick_set.begin(), plan.figure->quick_set.end());
  }
  Product product(path, root, more);
  if (is_quick && plan.figure) product.SetSeeds(plan.figure->quick_seeds);
  config.RejectUnknownKeys();
  product.Fill(plan);
  if (plan.figure) {
    CheckFigureSpec(*plan.figure, root.Table("figure"), plan.axes, plan.values);
    CheckRelativeTo(plan, root.Table("figure"));
  }
  return plan;
}

std::optional<FigureSpec> LoadFigureSpec(const std::string& path) {
  const Config config = Config::FromFile(path);
  if (!config.Root().Has("figure")) return std::nullopt;
  return ReadFigureSpec(config.Root().Table("figure"));
}

}  // namespace hat
