#include "core/strict_json.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <set>
#include <string_view>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/decimal.h"
#include "core/error.h"
#include "core/foreign_format.h"

namespace hat {

using nlohmann::json;

namespace {

constexpr int kMaxDepth = 64;  // far more than any of our files has; bounds a hostile one's memory

// Without the library's own "[json.exception.parse_error.101] ".
std::string_view Problem(const json::exception& error) {
  const std::string_view what = error.what();
  const size_t end = what.find("] ");
  return end == std::string_view::npos ? what : what.substr(end + 2);
}

// A value as an error shows it.
std::string Shown(const json& value) {
  if (value.is_structured()) return fmt::format("an {}", value.type_name());
  const bool is_quoted =
      value.is_string() && std::isfinite(ParseDecimal(value.get<std::string>()).value_or(NAN));
  return value.dump() + (is_quoted ? " in quotes: write it without them" : "");
}

// The way from `from` to `value`, which lies in it, is appended to `path`; false: it does not.
bool FindPath(const json& from, const json* value, std::string& path) {
  if (&from == value) return true;
  const size_t length = path.size();
  for (auto item = from.begin(); from.is_structured() && item != from.end(); ++item) {
    if (from.is_array()) {
      path += fmt::format("[{}]", item - from.begin());
    } else {
      path += (path.empty() ? "" : ".") + item.key();
    }
    if (FindPath(*item, value, path)) return true;
    path.resize(length);
  }
  return false;
}

}  // namespace

json ParseJson(const std::string& text, const std::string& name) {
  std::vector<std::set<std::string>> open_objects;
  const auto check = [&](int depth, json::parse_event_t event, json& parsed) {
    if (depth > kMaxDepth) {
      throw InputError(fmt::format("{}: nested deeper than {} levels", name, kMaxDepth));
    }
    if (event == json::parse_event_t::object_start) open_objects.emplace_back();
    if (event == json::parse_event_t::object_end) open_objects.pop_back();
    if (event == json::parse_event_t::key) {
      const auto key = parsed.get<std::string>();
      if (!open_objects.back().insert(key).second) {
        throw InputError(fmt::format("{}: the key '{}' stands twice in one object", name, key));
      }
    }
    return true;
  };
  try {
    return json::parse(text, check);
  } catch (const json::exception& error) {
    if (const std::string binary = BinaryFormat(text); !binary.empty()) {
      throw InputError(fmt::format("{}: {}", name, binary));
    }
    throw InputError(fmt::format("{}: not valid JSON: {}", name, Problem(error)));
  }
}

nlohmann::json WithoutNulls(const nlohmann::json& document) {
  if (!document.is_object()) return document;
  nlohmann::json rest = nlohmann::json::object();
  for (const auto& [key, value] : document.items()) {
    if (!value.is_null()) rest[key] = value;
  }
  return rest;
}

JsonNode::JsonNode(const json& document, std::string file)
    : value_(document),
      document_(std::make_shared<Document>(Document{document, std::move(file)})) {}

std::string JsonNode::Path() const {
  std::string path;
  FindPath(document_->root, &value_, path);
  return path;
}

std::string JsonNode::PathOf(const std::string& key) const {
  const std::string path = Path();
  return path.empty() ? key : path + "." + key;
}

std::string JsonNode::Where() const {
  const std::string path = Path();
  return document_->file + (path.empty() ? ": the document" : fmt::format(": '{}'", path));
}

void JsonNode::Fail(const std::string& problem) const { throw InputError(Where() + " " + problem); }

bool JsonNode::Has(const std::string& key) const {
  return value_.is_object() && value_.contains(key);
}

JsonNode JsonNode::At(const std::string& key) const {
  if (!value_.is_object()) Fail("must be an object");
  const auto found = value_.find(key);
  if (found == value_.end()) {
    throw InputError(fmt::format("{}: '{}' is missing", document_->file, PathOf(key)));
  }
  return {*found, document_};
}

std::vector<std::string> JsonNode::Keys() const {
  if (!value_.is_object()) Fail("must be an object");
  std::vector<std::string> keys;
  for (const auto& item : value_.items()) keys.push_back(item.key());
  return keys;
}

std::vector<JsonNode> JsonNode::Items() const {
  if (!value_.is_array()) Fail("must be an array");
  std::vector<JsonNode> items;
  items.reserve(value_.size());
  for (const json& item : value_) items.push_back(JsonNode(item, document_));
  return items;
}

template <typename Names>
void JsonNode::AllowOnlyThese(const Names& keys) const {
  if (!value_.is_object()) Fail("must be an object");
  for (auto item = value_.begin(); item != value_.end(); ++item) {
    if (std::find(keys.begin(), keys.end(), item.key()) != keys.end()) continue;
    throw InputError(fmt::format("{}: unknown key '{}'; allowed: {}", document_->file,
                                 PathOf(item.key()), fmt::join(keys, ", ")));
  }
}

void JsonNode::AllowOnly(std::initializer_list<std::string_view> keys) const {
  AllowOnlyThese(keys);
}

void JsonNode::AllowOnly(const std::vector<std::string>& keys) const { AllowOnlyThese(keys); }

std::string JsonNode::String() const {
  if (!value_.is_string()) Fail("must be a string");
  return value_.get<std::string>();
}

std::string JsonNode::Choice(const std::vector<std::string>& allowed) const {
  const std::string choice = String();
  if (std::find(allowed.begin(), allowed.end(), choice) == allowed.end()) {
    Fail(fmt::format("must be one of {}, got \"{}\"", fmt::join(allowed, ", "), choice));
  }
  return choice;
}

bool JsonNode::Bool() const {
  if (!value_.is_boolean()) Fail("must be true or false");
  return value_.get<bool>();
}

int64_t JsonNode::Integer(int64_t low, int64_t high) const {
  std::optional<int64_t> value;
  const bool is_huge = value_.is_number_unsigned() && value_.get<uint64_t>() > uint64_t{INT64_MAX};
  if (value_.is_number_float()) value = WholeNumber(value_.get<double>());
  if (value_.is_number_integer() && !is_huge) value = value_.get<int64_t>();
  if (value && *value >= low && *value <= high) return *value;
  Fail(fmt::format("must be an integer in {}..{}, got {}", low, high, Shown(value_)));
}

int64_t JsonNode::ExactInteger(int64_t low, int64_t high) const {
  if (value_.is_number_float()) {
    Fail(fmt::format("must be an integer in {}..{}, got {}", low, high, value_.dump()));
  }
  return Integer(low, high);
}

double JsonNode::Number(double low, double high) const {
  const double number = value_.is_number() ? value_.get<double>() : NAN;
  if (number >= low && number <= high) return number;
  Fail(fmt::format("must be a number in {}..{}, got {}", low, high, Shown(value_)));
}

}  // namespace hat
