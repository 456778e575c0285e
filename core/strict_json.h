// Strict reading of JSON: types and ranges are checked, keys that nobody asked for are refused.
// Errors are InputErrors that name the file and the full key ("a.json:
// 'operations.layer.points[3].tokens' must be ...").
#pragma once

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

namespace hat {

// Parses `text`; duplicate keys, numbers beyond a double and more than 64 levels are errors. `name`
// stands for the file in messages.
nlohmann::json ParseJson(const std::string& text, const std::string& name);

// The object without its members that are null, which say nothing in some formats; anything else as
// it is.
nlohmann::json WithoutNulls(const nlohmann::json& document);

// A value of a document. Refers to the document, which must outlive it unchanged. The way to the
// value is looked for when an error names it, and costs nothing before.
class JsonNode {
 public:
  JsonNode(const nlohmann::json& document, std::string file);

  bool Has(const std::string& key) const;
  JsonNode At(const std::string& key) const;  // this must be an object that has the key
  std::vector<std::string> Keys() const;      // of an object, sorted
  std::vector<JsonNode> Items() const;        // of an array
  // Throws for any other key.
  void AllowOnly(std::initializer_list<std::string_view> keys) const;
  void AllowOnly(const std::vector<std::string>& keys) const;

  bool IsArray() const { return value_.is_array(); }
  bool IsNull() const { return value_.is_null(); }
  std::string String() const;
  std::string Choice(const std::vector<std::string>& allowed) const;
  bool Bool() const;
  int64_t Integer(int64_t low, int64_t high) const;       // may be written 20.0
  int64_t ExactInteger(int64_t low, int64_t high) const;  // may not: in files by programs alone
  double Number(double low, double high) const;

  std::string Where() const;  // "file: 'key'", for messages
  // Throws "file: 'key' <problem>".
  [[noreturn]] void Fail(const std::string& problem) const;

 private:
  struct Document {
    const nlohmann::json& root;
    std::string file;
  };
  JsonNode(const nlohmann::json& value, std::shared_ptr<const Document> document)
      : value_(value), document_(std::move(document)) {}

  template <typename Names>
  void AllowOnlyThese(const Names& keys) const;
  std::string Path() const;                          // "a.b[3]"; the document's is empty
  std::string PathOf(const std::string& key) const;  // of a key in this

  const nlohmann::json& value_;
  std::shared_ptr<const Document> document_;
};

}  // namespace hat
