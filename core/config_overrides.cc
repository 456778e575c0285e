#include "core/config_overrides.h"

#include <fmt/format.h>

#include <charconv>
#include <string_view>

#include "core/error.h"
#include "core/utf8.h"

namespace hat {
namespace {

// The node that `name` means inside `parent`; null if there is none.
toml::node* Step(toml::node& parent, const std::string& name) {
  if (toml::table* table = parent.as_table()) return table->get(name);
  toml::array* array = parent.as_array();
  size_t index = 0;
  const char* end = name.data() + name.size();
  const auto [stop, error] = std::from_chars(name.data(), end, index);
  return array && error == std::errc() && stop == end ? array->get(index) : nullptr;
}

}  // namespace

toml::table ParseValue(const std::string& text) {
  try {
    toml::table parsed = toml::parse("value = " + text);
    if (parsed.size() == 1) return parsed;
  } catch (const toml::parse_error&) {  // a plain string: system.name=hat
  }
  return toml::table{{"value", text}};
}

std::string ApplyOverride(toml::table& document, const std::string& text) {
  if (!IsUtf8(text)) throw InputError(fmt::format("--set '{}': is not valid UTF-8", text));
  const size_t equals = text.find('=');
  if (equals == std::string::npos) {
    throw InputError(fmt::format("--set '{}': must be key=value", text));
  }
  const std::string key = text.substr(0, equals);
  const auto fail = [&](const std::string& problem) {
    return InputError(fmt::format("--set: '{}' {}", key, problem));
  };

  toml::node* parent = &document;
  std::string_view rest = key;
  std::string made;
  while (true) {
    const size_t dot = rest.find('.');
    const std::string name(rest.substr(0, dot));
    if (name.empty()) throw fail("is not a key; write table.key=value");
    toml::table* table = parent->as_table();
    if (dot == std::string_view::npos) {
      if (!table) throw fail("cannot be set: what holds it is not a table");
      toml::table parsed = ParseValue(text.substr(equals + 1));
      table->insert_or_assign(name, std::move(*parsed.get("value")));
      return made.empty() ? key : made;
    }
    toml::node* next = Step(*parent, name);
    const std::string path = key.substr(0, key.size() - rest.size() + dot);
    if (!next && table) {
      next = &table->insert(name, toml::table{}).first->second;
      if (made.empty()) made = path;
    }
    if (!next || !(next->is_table() || next->is_array())) {
      throw fail(fmt::format("cannot be set: '{}' is not a table", path));
    }
    parent = next;
    rest.remove_prefix(dot + 1);
  }
}

}  // namespace hat
