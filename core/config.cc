#include "core/config.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <toml++/toml.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <functional>
#include <set>
#include <sstream>
#include <tuple>
#include <type_traits>
#include <utility>

#include "core/config_keys.h"
#include "core/config_overrides.h"
#include "core/decimal.h"
#include "core/files.h"
#include "core/foreign_format.h"
#include "core/nearest.h"

namespace hat {
namespace {

std::string Join(const std::string& path, const std::string& key) {
  return path.empty() ? key : path + "." + key;
}

std::string ParentOf(const std::string& path) {
  const size_t dot = path.rfind('.');
  return dot == std::string::npos ? "" : path.substr(0, dot);
}

std::string Literal(const toml::node& node) {
  std::ostringstream text;
  const auto flags = toml::format_flags::allow_unicode_strings;
  node.visit([&](const auto& value) { text << toml::toml_formatter(value, flags); });
  return text.str();
}

std::vector<std::string> LiteralsOf(const toml::array& array) {
  std::vector<std::string> literals;
  for (const toml::node& element : array) literals.push_back(Literal(element));
  return literals;
}

// A value as an error message shows it.
std::string Shown(const toml::node& node) {
  if (node.is_table()) return "a table";
  std::ostringstream text;
  node.visit([&](const auto& value) { text << value; });
  std::string shown = text.str();
  std::ranges::replace(shown, '\n', ' ');
  return shown.size() <= 60 ? shown : shown.substr(0, 57) + "...";
}

std::optional<double> AsNumber(const toml::node& node) {
  if (const auto* integer = node.as_integer()) return static_cast<double>(integer->get());
  if (const auto* real = node.as_floating_point()) return real->get();
  return std::nullopt;
}

std::optional<int64_t> AsInteger(const toml::node& node) {
  if (const auto* integer = node.as_integer()) return integer->get();
  if (const auto* real = node.as_floating_point()) return WholeNumber(real->get());
  return std::nullopt;
}

std::optional<std::string> AsString(const toml::node& node) {
  if (const auto* text = node.as_string()) return text->get();
  return std::nullopt;
}

// Whether the text is a number or a truth value if it is written without its quotes.
bool IsQuotedValue(const toml::node& node) {
  if (const toml::array* array = node.as_array()) return std::ranges::any_of(*array, IsQuotedValue);
  const std::optional<std::string> text = AsString(node);
  if (!text) return false;
  const toml::table bare = ParseValue(*text);
  const toml::node& value = *bare.get("value");
  return value.is_boolean() || std::isfinite(AsNumber(value).value_or(NAN));
}

toml::table ParseDocument(const std::string& text, const std::string& name) {
  try {
    return toml::parse(text);
  } catch (const toml::parse_error& error) {
    if (const std::string binary = BinaryFormat(text); !binary.empty()) {
      throw InputError(fmt::format("{}: {}", name, binary));
    }
    const std::string json = text.starts_with('{') ? JsonFormat(text) : "";
    const bool is_bare_text = error.description().ends_with("could not determine value type");
    throw InputError(fmt::format(
        "{}:{}: {}{}{}", name, error.source().begin.line,
        json.empty() ? "" : "looks like " + json + ", TOML is wanted: ", error.description(),
        is_bare_text ? " (text stands in quotes)" : ""));
  }
}

// Tables that were asked for but hold nothing are left out, so that reading the text again finds
// the same tables.
void RemoveEmptyTables(toml::table& table) {
  std::vector<std::string> empty;
  for (auto&& [key, node] : table) {
    toml::table* child = node.as_table();
    if (child) RemoveEmptyTables(*child);
    if (child && child->empty()) empty.emplace_back(key.str());
  }
  for (const std::string& key : empty) table.erase(key);
}

}  // namespace

struct Config::State {
  std::string name;  // of the document, in errors
  toml::table document;
  std::set<std::string> overridden;  // paths that --set gave
  std::set<std::string> known;       // paths that were asked for
  toml::table resolved;

  bool IsOverridden(std::string path) const {
    for (; !path.empty(); path = ParentOf(path)) {
      if (overridden.contains(path)) return true;
    }
    return false;
  }

  std::string Where(const std::string& path, const toml::node* node) const {
    if (IsOverridden(path)) return "--set";
    const auto line = node ? node->source().begin.line : 0;
    return line > 0 ? fmt::format("{}:{}", name, line) : name;
  }

  struct Unknown {
    std::string path;
    const toml::node* node;
  };

  void FindUnknown(const toml::node& node, const std::string& path,
                   std::vector<Unknown>& found) const {
    if (!path.empty() && !known.contains(path)) {
      found.push_back({path, &node});
    } else if (const toml::table* table = node.as_table()) {
      for (auto&& [key, child] : *table)
        FindUnknown(child, Join(path, std::string(key.str())), found);
    } else if (node.is_array_of_tables()) {
      size_t index = 0;
      for (const toml::node& child : *node.as_array()) {
        for (auto&& [key, grandchild] : *child.as_table()) {
          const std::string element = Join(path, std::to_string(index));
          FindUnknown(grandchild, Join(element, std::string(key.str())), found);
        }
        ++index;
      }
    }
  }

  // "; did you mean ...?" or what there is to know about the keys of that table.
  std::string Hint(const std::string& path) const {
    std::set<std::string> siblings;
    for (const std::string& key : known) {
      if (ParentOf(key) == ParentOf(path)) siblings.insert(key.substr(key.rfind('.') + 1));
    }
    const std::string last = path.substr(path.rfind('.') + 1);
    if (const auto nearest = Nearest(last, siblings)) {
      return fmt::format("; did you mean '{}'?", Join(ParentOf(path), *nearest));
    }
    for (const std::string& key : known) {
      if (key.substr(key.rfind('.') + 1) == last) return fmt::format("; did you mean '{}'?", key);
    }
    if (const auto nearest = Nearest(path, known)) {
      return fmt::format("; did you mean '{}'?", *nearest);
    }
    return siblings.empty() ? "" : fmt::format("; known here: {}", fmt::join(siblings, ", "));
  }
};

struct ConfigTable::Node {
  std::shared_ptr<Config::State> state;
  std::string path;
  const toml::table* table;  // null if the document has no such table
  toml::table* resolved;
  std::shared_ptr<Node> parent;  // null: the document

  const toml::node* Ask(const std::string& key) const {
    state->known.insert(Join(path, key));
    return table ? table->get(key) : nullptr;
  }

  InputError Error(const std::string& key, const std::string& problem) const {
    const toml::node* node = table ? table->get(key) : nullptr;
    const std::string full = Join(path, key);
    const std::string where = state->Where(full, node ? node : table);
    return InputError(fmt::format("{}: '{}' {}", where, full, problem));
  }

  // The nearest key of the document that nothing has read yet, where `key` should stand, or the
  // table around it; null if there is none.
  struct Misspelt {
    std::string path;
    const toml::node* node = nullptr;

    std::string Hint() const {
      return node ? fmt::format(" ('{}' stands there: a typing mistake?)", path) : "";
    }
  };
  Misspelt FindMisspelt(const std::string& key) const {
    std::set<std::string> unread;
    if (table) {
      for (auto&& [name, node] : *table) {
        if (!state->known.contains(Join(path, std::string(name.str())))) unread.emplace(name.str());
      }
    }
    const std::optional<std::string> nearest = Nearest(key, unread);
    if (nearest) return {Join(path, *nearest), table->get(*nearest)};
    return parent ? parent->FindMisspelt(path.substr(path.rfind('.') + 1)) : Misspelt{};
  }

  [[noreturn]] void FailMissing(const std::string& key, const std::string& allowed) const {
    const Misspelt misspelt = FindMisspelt(key);
    const std::string where = misspelt.node ? state->Where(misspelt.path, misspelt.node)
                              : table && !state->IsOverridden(path) ? state->Where(path, table)
                                                                    : state->name;
    throw InputError(fmt::format("{}: '{}' is missing{}; it must be {}", where, Join(path, key),
                                 misspelt.Hint(), allowed));
  }

  // The value of `key` by `read` (nothing: not allowed), or the fallback; recorded for Resolved().
  template <class T, class Read>
  T Get(const std::string& key, const std::optional<T>& fallback, const std::string& allowed,
        Read read) const {
    const toml::node* node = Ask(key);
    if (!node && !fallback) FailMissing(key, allowed);
    const std::optional<T> value = node ? std::optional<T>(read(*node)) : fallback;
    if (!value) {
      constexpr bool kIsText =
          std::is_same_v<T, std::string> || std::is_same_v<T, std::vector<std::string>>;
      throw Error(
          key,
          fmt::format("must be {}, got {}{}", allowed, Shown(*node),
                      !kIsText && IsQuotedValue(*node) ? " in quotes: write it without them" : ""));
    }
    Record(key, *value);
    return *value;
  }

  std::string Resolve(const std::string& key, const std::string& given) const {
    if (given.empty()) return "";
    if (const auto problem = TildeProblem(given)) throw Error(key, *problem);
    const auto folder = std::filesystem::path(state->name).parent_path();
    return (folder / given).lexically_normal();
  }

  template <class T>
  void Record(const std::string& key, const T& value) const {
    resolved->insert_or_assign(key, value);
  }

  template <class T>
  void Record(const std::string& key, const std::vector<T>& values) const {
    toml::array array;
    for (const T& value : values) array.push_back(value);
    resolved->insert_or_assign(key, std::move(array));
  }

  // Every element of an array by `read`; nothing if one is not allowed.
  template <class T, class Read>
  static std::optional<std::vector<T>> ReadArray(const toml::node& node, Read read) {
    const toml::array* array = node.as_array();
    if (!array) return std::nullopt;
    std::vector<T> values;
    for (const toml::node& element : *array) {
      const std::optional<T> value = read(element);
      if (!value) return std::nullopt;
      values.push_back(*value);
    }
    return values;
  }
};

constexpr size_t kMostBytes = size_t{1} << 24;  // of a file

Config::Config(std::shared_ptr<State> state) : state_(std::move(state)) {}

Config Config::FromFile(const std::string& path, const std::vector<std::string>& overrides) {
  return FromText(ReadFile(path, kMostBytes), path, overrides);
}

Config Config::FromText(const std::string& text, const std::string& name,
                        const std::vector<std::string>& overrides) {
  auto state = std::make_shared<State>();
  state->name = name;
  state->document = ParseDocument(text, name);
  for (const std::string& text_of_one : overrides) {
    state->overridden.insert(ApplyOverride(state->document, text_of_one));
  }
  return Config(std::move(state));
}

std::vector<std::string> OverridesOf(const std::string& path) {
  const toml::table document = ParseDocument(ReadFile(path, kMostBytes), path);
  std::vector<std::pair<toml::source_position, std::string>> found;
  const std::function<void(const toml::table&, const std::string&)> add =
      [&](const toml::table& table, const std::string& prefix) {
        for (const auto& [key, value] : table) {
          const std::string name = Join(prefix, std::string(key.str()));
          if (const toml::table* inner = value.as_table(); inner && !inner->is_inline()) {
            add(*inner, name);
          } else {
            found.emplace_back(value.source().begin, fmt::format("{}={}", name, Literal(value)));
          }
        }
      };
  add(document, "");
  std::ranges::stable_sort(
      found, {}, [](const auto& one) { return std::pair(one.first.line, one.first.column); });
  std::vector<std::string> overrides;
  for (auto& [position, text] : found) overrides.push_back(std::move(text));
  return overrides;
}

std::map<std::string, std::string> KeysOf(const std::string& text, const std::string& name) {
  const toml::table document = ParseDocument(text, name);
  std::map<std::string, std::string> keys;
  const std::function<void(const toml::node&, const std::string&)> add =
      [&](const toml::node& node, const std::string& path) {
        const toml::array* array = node.as_array();
        if (const toml::table* table = node.as_table()) {
          for (const auto& [key, value] : *table) add(value, Join(path, std::string(key.str())));
        } else if (array && !array->empty() && array->is_homogeneous(toml::node_type::table)) {
          for (size_t i = 0; i < array->size(); ++i) {
            add(*array->get(i), Join(path, std::to_string(i)));
          }
        } else {
          keys[path] = Literal(node);
        }
      };
  add(document, "");
  return keys;
}

std::string KeyOfOverride(const std::string& text) { return text.substr(0, text.find('=')); }

std::string TomlValue(const std::string& text) {
  const toml::table parsed = ParseValue(text);
  return Literal(*parsed.get("value"));
}

ConfigTable Config::Root() const {
  return ConfigTable(std::make_shared<ConfigTable::Node>(
      ConfigTable::Node{state_, "", &state_->document, &state_->resolved, nullptr}));
}

void Config::RejectUnknownKeys() const {
  std::vector<State::Unknown> unknown;
  state_->FindUnknown(state_->document, "", unknown);
  if (unknown.empty()) return;
  const auto position = [&](const State::Unknown& key) {
    const toml::source_position begin = key.node->source().begin;
    return std::tuple(state_->IsOverridden(key.path), begin.line, begin.column, key.path);
  };
  const State::Unknown first = std::ranges::min(unknown, {}, position);
  throw InputError(fmt::format("{}: unknown key '{}'{}", state_->Where(first.path, first.node),
                               first.path, state_->Hint(first.path)));
}

std::string Config::Resolved() const {
  toml::table resolved = state_->resolved;
  RemoveEmptyTables(resolved);
  std::ostringstream text;
  text << toml::toml_formatter(resolved, toml::format_flags::allow_unicode_strings) << "\n";
  return text.str();
}

ConfigTable::ConfigTable(std::shared_ptr<Node> node) : node_(std::move(node)) {}

bool ConfigTable::Has(const std::string& key) const {
  const bool has = node_->table && node_->table->contains(key);
  if (!has) node_->state->known.insert(Join(node_->path, key));  // for hints
  return has;
}

double ConfigTable::Number(const std::string& key, Range range,
                           std::optional<double> fallback) const {
  return node_->Get<double>(key, fallback, "a number " + range.Text(), [&](const toml::node& node) {
    const std::optional<double> value = AsNumber(node);
    return value && range.Contains(*value) ? value : std::nullopt;
  });
}

int64_t ConfigTable::Integer(const std::string& key, int64_t low, int64_t high,
                             std::optional<int64_t> fallback) const {
  const std::string allowed = fmt::format("an integer in {}..{}", low, high);
  return node_->Get<int64_t>(key, fallback, allowed, [&](const toml::node& node) {
    const std::optional<int64_t> value = AsInteger(node);
    return value && *value >= low && *value <= high ? value : std::nullopt;
  });
}

bool ConfigTable::Bool(const std::string& key, std::optional<bool> fallback) const {
  return node_->Get<bool>(key, fallback, "true or false", [](const toml::node& node) {
    const auto* value = node.as_boolean();
    return value ? std::optional<bool>(value->get()) : std::nullopt;
  });
}

std::string ConfigTable::String(const std::string& key,
                                const std::optional<std::string>& fallback) const {
  return node_->Get<std::string>(key, fallback, "a string", AsString);
}

std::string ConfigTable::Choice(const std::string& key, const std::vector<std::string>& allowed,
                                const std::optional<std::string>& fallback) const {
  const std::string names = fmt::format("one of '{}'", fmt::join(allowed, "', '"));
  return node_->Get<std::string>(key, fallback, names, [&](const toml::node& node) {
    const std::optional<std::string> value = AsString(node);
    const bool is_allowed = value && std::ranges::count(allowed, *value) > 0;
    return is_allowed ? value : std::nullopt;
  });
}

std::vector<double> ConfigTable::Numbers(const std::string& key, Range range,
                                         const std::optional<std::vector<double>>& fallback) const {
  const auto read = [&](const toml::node& element) {
    const std::optional<double> value = AsNumber(element);
    return value && range.Contains(*value) ? value : std::nullopt;
  };
  return node_->Get<std::vector<double>>(
      key, fallback, fmt::format("an array of numbers {}", range.Text()),
      [&](const toml::node& node) { return Node::ReadArray<double>(node, read); });
}

std::vector<std::string> ConfigTable::Strings(
    const std::string& key, const std::optional<std::vector<std::string>>& fallback) const {
  return node_->Get<std::vector<std::string>>(
      key, fallback, "an array of strings",
      [](const toml::node& node) { return Node::ReadArray<std::string>(node, AsString); });
}

std::vector<std::string> ConfigTable::Overrides(const std::string& key,
                                                std::vector<std::string>* files) const {
  return OverridesIn(key, Strings(key, std::vector<std::string>{}), files);
}

std::vector<std::vector<std::string>> ConfigTable::OverrideSets(
    const std::string& key, std::vector<std::string>* files) const {
  const toml::node* node = node_->Ask(key);
  const char* const allowed = "an array of arrays of texts \"key=value\" or \"@FILE\"";
  if (!node) node_->FailMissing(key, allowed);
  const auto rows = Node::ReadArray<std::vector<std::string>>(
      *node, [](const toml::node& row) { return Node::ReadArray<std::string>(row, AsString); });
  if (!rows) throw Error(key, fmt::format("must be {}", allowed));
  std::vector<std::vector<std::string>> sets;
  for (const std::vector<std::string>& texts : *rows) {
    sets.push_back(OverridesIn(key, texts, files));
  }
  return sets;
}

std::vector<std::string> ConfigTable::OverridesIn(const std::string& key,
                                                  const std::vector<std::string>& texts,
                                                  std::vector<std::string>* files) const {
  std::vector<std::string> overrides;
  for (const std::string& text : texts) {
    if (text.starts_with('@')) {
      RefuseTilde(text.substr(1));
      const std::filesystem::path folder = std::filesystem::path(node_->state->name).parent_path();
      const std::string file = (folder / text.substr(1)).lexically_normal();
      const std::vector<std::string> keys = OverridesOf(file);
      overrides.insert(overrides.end(), keys.begin(), keys.end());
      if (files) files->push_back(file);
    } else if (text.find('=') == std::string::npos) {
      throw Error(key, fmt::format("must hold texts \"key=value\" or \"@FILE\", got '{}'", text));
    } else {
      overrides.push_back(text);
    }
  }
  return overrides;
}

std::vector<std::string> ConfigTable::Literals(const std::string& key) const {
  return node_->Get<std::vector<std::string>>(
      key, {}, "an array of values",
      [](const toml::node& node) -> std::optional<std::vector<std::string>> {
        const toml::array* array = node.as_array();
        return array ? std::optional(LiteralsOf(*array)) : std::nullopt;
      });
}

std::vector<std::vector<std::string>> ConfigTable::LiteralRows(const std::string& key) const {
  const toml::node* node = node_->Ask(key);
  if (!node) node_->FailMissing(key, "an array of arrays");
  std::vector<std::vector<std::string>> rows;
  const toml::array* array = node->as_array();
  for (size_t i = 0; array && i < array->size(); ++i) {
    const toml::array* row = array->get(i)->as_array();
    if (!row)
      throw Error(key, "must be an array of arrays, got " + Shown(*array->get(i)) + " in it");
    rows.push_back(LiteralsOf(*row));
  }
  if (!array) throw Error(key, "must be an array of arrays, got " + Shown(*node));
  return rows;
}

ConfigTable ConfigTable::Table(const std::string& key) const {
  const toml::node* node = node_->Ask(key);
  if (node && !node->is_table()) throw Error(key, "must be a table, got " + Shown(*node));
  auto& resolved = *node_->resolved->insert(key, toml::table{}).first->second.as_table();
  return ConfigTable(std::make_shared<Node>(Node{
      node_->state, Join(node_->path, key), node ? node->as_table() : nullptr, &resolved, node_}));
}

std::vector<ConfigTable> ConfigTable::Tables(const std::string& key) const {
  const toml::node* node = node_->Ask(key);
  if (!node) return {};
  if (!node->is_array_of_tables()) {
    throw Error(key, fmt::format("must be tables ([[{}]]), got {}", key, Shown(*node)));
  }
  const toml::array& tables = *node->as_array();
  auto& resolved = *node_->resolved->insert(key, toml::array{}).first->second.as_array();
  while (resolved.size() < tables.size()) resolved.push_back(toml::table{});
  std::vector<ConfigTable> result;
  for (size_t i = 0; i < tables.size(); ++i) {
    const std::string path = Join(Join(node_->path, key), std::to_string(i));
    result.push_back(ConfigTable(std::make_shared<Node>(
        Node{node_->state, path, tables[i].as_table(), resolved[i].as_table(), node_})));
  }
  return result;
}

std::string ConfigTable::Path(const std::string& key,
                              const std::optional<std::string>& fallback) const {
  return node_->Resolve(
      key,
      node_->Get<std::string>(key, fallback, "a path (a string, relative to this file)", AsString));
}

std::vector<std::string> ConfigTable::Paths(const std::string& key) const {
  std::vector<std::string> paths;
  for (const std::string& path : Strings(key)) paths.push_back(node_->Resolve(key, path));
  return paths;
}

std::string ConfigTable::MisspeltHint(const std::vector<std::string>& keys) const {
  for (const std::string& key : keys) {
    if (std::string hint = node_->FindMisspelt(key).Hint(); !hint.empty()) return hint;
  }
  return "";
}

void ConfigTable::Forbid(const std::vector<std::string>& keys, const std::string& chooser,
                         const std::string& choice) const {
  const auto is_overridden = [&](const std::string& key) {
    return node_->state->IsOverridden(Join(node_->path, key));
  };
  const bool is_full = chooser.find('.') != std::string::npos;
  const bool is_chosen_by_set =
      is_full ? node_->state->IsOverridden(chooser) : is_overridden(chooser);
  for (const std::string& key : keys) {
    if (!Has(key)) continue;
    if (!is_chosen_by_set || is_overridden(key))
      throw Error(key, fmt::format("means nothing with {}", choice));
    node_->Ask(key);
  }
}

InputError ConfigTable::Error(const std::string& key, const std::string& problem) const {
  return node_->Error(key, problem);
}

}  // namespace hat
