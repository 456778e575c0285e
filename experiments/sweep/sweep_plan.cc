#include "experiments/sweep/sweep_plan.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>

#include "core/config.h"
#include "core/error.h"
#include "experiments/scenario/scenario.h"

namespace hat {
namespace {

// One choice of an axis: each of its keys with a value.
struct Choice {
  std::vector<std::string> literals;  // TOML, by the axis's keys
  std::vector<std::string> shown;     // by the axis's names
};

struct Axis {
  std::vector<std::string> names;  // the columns that tell its choices apart: the keys, or one
  std::vector<std::string> keys;
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
    choices.push_back({{fmt::format("{:.12g}", i == steps - 1 ? to : value)}, {}});
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
    choices.push_back({std::move(row), {}});
  }
  return choices;
}

// "key=value" conditions on what was chosen before: values of one key are alternatives.
void ReadWhen(const ConfigTable& table, const std::vector<std::string>& chosen_before, Axis& axis) {
  for (const std::string& text : table.Strings("when", std::vector<std::string>{})) {
    const size_t equals = text.find('=');
    const std::string key = text.substr(0, equals);
    if (equals == std::string::npos || !std::ranges::count(chosen_before, key)) {
      throw table.Error(
          "when", fmt::format("must be of the form \"key=value\", key one of what is chosen before "
                              "this axis ({}), got '{}'",
                              fmt::join(chosen_before, ", "), text));
    }
    axis.when[key].push_back(text.substr(equals + 1));
  }
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
  for (size_t i = 0; i < labels.size(); ++i) axis.choices[i].shown = {labels[i]};
}

Axis ReadAxis(const ConfigTable& table, const std::vector<std::string>& chosen_before) {
  Axis axis;
  if (table.Has("keys")) {
    table.Forbid({"key", "values", "from", "to", "steps", "scale"}, "keys", "several keys");
    axis.keys = table.Strings("keys");
    axis.choices = RowsOf(table, axis.keys.size());
  } else {
    axis.keys = {table.String("key")};
    if (table.Has("from")) {
      table.Forbid({"values", "rows"}, "from", "a range");
      axis.choices = RangeOf(table);
    } else {
      for (std::string& literal : table.Literals("values")) axis.choices.push_back({{literal}, {}});
    }
  }
  const char* const list = table.Has("keys") ? "rows" : table.Has("from") ? "from" : "values";
  if (axis.keys.empty()) throw table.Error("keys", "must name at least one key");
  if (axis.choices.empty()) throw table.Error(list, "must have at least one value");
  NameChoices(table, axis);
  const char* const where = table.Has("name") ? "name" : table.Has("keys") ? "keys" : "key";
  for (const std::string& name : axis.names) {
    if (name == "seed") throw table.Error(where, "must not be 'seed': use 'seeds' of the plan");
    if (std::ranges::count(chosen_before, name) || std::ranges::count(axis.names, name) > 1) {
      throw table.Error(where, fmt::format("names '{}', which is chosen already", name));
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
  return paths;
}

// What is chosen so far, on the way through the axes.
struct Chosen {
  std::map<std::string, std::string> shown;  // by key
  std::vector<std::string> overrides;
};

class Product {
 public:
  Product(const ConfigTable& root, const std::vector<std::string>& overrides) {
    for (const std::string& text : root.Strings("set", std::vector<std::string>{})) {
      if (text.find('=') == std::string::npos) {
        throw root.Error("set", fmt::format("must hold texts \"key=value\", got '{}'", text));
      }
      base_.push_back(text);
    }
    base_.insert(base_.end(), overrides.begin(), overrides.end());
    scenarios_ = ReadScenarios(root);
    seeds_ = ReadSeeds(root);
    std::vector<std::string> known;
    if (scenarios_.size() > 1) known.push_back("scenario");
    if (root.Has("systems")) {
      Axis systems{{"system.name"}, {"system.name"}, {}, {}};
      for (const std::string& name : root.Strings("systems")) {
        systems.choices.push_back({{TomlString(name)}, {name}});
      }
      if (systems.choices.empty()) throw root.Error("systems", "must name at least one");
      axes_.push_back(std::move(systems));
      known.push_back("system.name");
    }
    for (const ConfigTable& table : root.Tables("axis")) {
      axes_.push_back(ReadAxis(table, known));
      known.insert(known.end(), axes_.back().names.begin(), axes_.back().names.end());
    }
    names_ = std::move(known);
    names_.push_back("seed");
    for (const std::string& text : overrides) {
      const std::string key = text.substr(0, text.find('='));
      if (!std::ranges::count(names_, key) || (key == "seed" && seeds_.list.empty())) continue;
      throw InputError(fmt::format("--set {}: the plan chooses '{}' itself", text, key));
    }
  }

  void SetSeeds(int count) { seeds_ = {count, {}}; }

  void Fill(SweepPlan& plan) {
    plan_ = &plan;
    plan.axes = names_;
    for (const std::string& scenario : scenarios_) {
      scenario_ = scenario;
      seeds_here_ = seeds_.Of(seeds_.list.empty() ? LoadScenario(scenario, base_).seed : 0);
      Chosen chosen{{}, base_};
      std::erase_if(chosen.overrides,  // of the first seed
                    [](const std::string& text) { return text.starts_with("seed="); });
      chosen.shown["scenario"] = std::filesystem::path(scenario).stem();
      Descend(0, chosen);
    }
  }

 private:
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
      for (size_t i = 0; i < axis.keys.size(); ++i) {
        next.overrides.push_back(axis.keys[i] + "=" + choice.literals[i]);
      }
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

  std::vector<std::string> base_;
  std::vector<std::string> scenarios_;
  Seeds seeds_;
  std::vector<Axis> axes_;
  std::vector<std::string> names_;
  SweepPlan* plan_ = nullptr;
  std::string scenario_;
  std::vector<uint64_t> seeds_here_;
};

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
  Product product(root, more);
  if (is_quick && plan.figure) product.SetSeeds(plan.figure->quick_seeds);
  config.RejectUnknownKeys();
  product.Fill(plan);
  if (plan.figure) CheckFigureSpec(*plan.figure, root.Table("figure"), plan.axes);
  return plan;
}

}  // namespace hat
