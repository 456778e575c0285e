// Strict reading of JSON: types and ranges are checked, keys that nobody asked for are refused.
// Errors are InputErrors that name the file and the full key ("a.json:
// 'operations.layer.points[3].tokens' must be ...").
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

namespace hat {

// Parses `text`; duplicate keys, numbers beyond a double and more than 64 levels are errors. `name`
// stands for the file in messages.
nlohmann::json ParseJson(const std::string& text, const std::string& name);

// A value of a document, with the way to it. Refers to the document, which must outlive it.
class JsonNode {
 public:
  JsonNode(const nlohmann::json& value, std::string file, std::string key = "");

  bool Has(const std::string& key) const;
  JsonNode At(const std::string& key) const;  // this must be an object that has the key
  std::vector<std::string> Keys() const;      // of an object, sorted
  std::vector<JsonNode> Items() const;        // of an array
  void AllowOnly(const std::vector<std::string>& keys) const;  // throws for any other key

  bool IsArray() const { return value_.is_array(); }
  std::string String() const;
  std::string Choice(const std::vector<std::string>& allowed) const;
  bool Bool() const;
  int64_t Integer(int64_t low, int64_t high) const;       // may be written 20.0
  int64_t ExactInteger(int64_t low, int64_t high) const;  // may not: in files by programs alone
  double Number(double low, double high) const;

  // Throws "file: 'key' <problem>".
  [[noreturn]] void Fail(const std::string& problem) const;

 private:
  const nlohmann::json& value_;
  std::string file_;
  std::string key_;
};

}  // namespace hat
