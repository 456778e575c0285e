#include "experiments/import/json_objects.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/error.h"
#include "core/foreign_format.h"
#include "core/lines.h"

namespace hat {
namespace {

using EachObject = std::function<bool(const JsonNode&)>;

bool Give(std::string_view object, const std::string& name, int line, const EachObject& each) {
  const std::string where = fmt::format("{}:{}", name, line);
  const nlohmann::json json = ParseJson(std::string(object), where);
  const JsonNode node(json, where);
  if (!json.is_object()) node.Fail("must be an object");
  return each(node);
}

// Where the object ends that begins at `begin`; the text's end if it does not.
size_t EndOfObject(std::string_view text, size_t begin) {
  int depth = 0;
  bool is_text = false;
  for (size_t i = begin; i < text.size(); ++i) {
    if (is_text) {
      if (text[i] == '\\')
        ++i;
      else if (text[i] == '"')
        is_text = false;
    } else if (text[i] == '"') {
      is_text = true;
    } else if (text[i] == '{' || text[i] == '[') {
      ++depth;
    } else if ((text[i] == '}' || text[i] == ']') && --depth == 0) {
      return i + 1;
    }
  }
  return text.size();
}

void ForEachElement(std::string_view text, const std::string& name, const EachObject& each) {
  int line = 1;
  size_t at = text.find('[') + 1;
  bool has_element = false;
  const auto skip = [&](std::string_view blanks) {
    const size_t to = std::min(text.find_first_not_of(blanks, at), text.size());
    line += static_cast<int>(std::ranges::count(text.substr(at, to - at), '\n'));
    at = to;
  };
  line += static_cast<int>(std::ranges::count(text.substr(0, at), '\n'));
  while (true) {
    skip(" \t\r\n");
    if (at < text.size() && text[at] == ']') break;
    if (has_element && (at == text.size() || text[at] != ',')) {
      throw InputError(
          fmt::format("{}:{}: ',' or ']' must follow an object of the array", name, line));
    }
    if (has_element) ++at;
    skip(" \t\r\n");
    const size_t end = at < text.size() && text[at] == '{' ? EndOfObject(text, at) : text.size();
    if (at == text.size() || text[at] != '{') {
      throw InputError(fmt::format("{}:{}: must be an array of objects", name, line));
    }
    const std::string_view object = text.substr(at, end - at);
    if (!Give(object, name, line, each)) return;
    line += static_cast<int>(std::ranges::count(object, '\n'));
    at = end;
    has_element = true;
  }
  ++at;
  skip(" \t\r\n");
  if (at < text.size())
    throw InputError(fmt::format("{}:{}: nothing may follow the array", name, line));
}

}  // namespace

void ForEachJsonObject(std::string_view text, const std::string& name, const EachObject& each) {
  if (JsonFormat(text) == "a JSON array") return ForEachElement(text, name, each);
  bool goes_on = true;
  ForEachLine(text, [&](std::string_view line, int number) {
    if (goes_on) goes_on = Give(line, name, number, each);
  });
}

}  // namespace hat
