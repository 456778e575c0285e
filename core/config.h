// Strict reading of TOML: every key that is read is checked for type and range, every key that was
// not read is an error that suggests the nearest known one, and everything read (defaults included)
// can be written out again. All errors are InputErrors that name file, line and full key
// ("spec.toml:12: 'workload.rate_per_s' must be ...").
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/error.h"
#include "core/range.h"

namespace hat {

class ConfigTable;

// A parsed document with its overrides ("key.path=value", as given to --set) applied.
class Config {
 public:
  // Throws InputError if the file cannot be read, is not TOML, or an override is malformed.
  static Config FromFile(const std::string& path, const std::vector<std::string>& overrides = {});
  static Config FromText(const std::string& text, const std::string& name,
                         const std::vector<std::string>& overrides = {});

  ConfigTable Root() const;

  // Throws InputError for the first key (in file order) that nothing has read, with the nearest key
  // that was asked for.
  void RejectUnknownKeys() const;

  // Every key asked for so far with the value that it got, defaults included, as TOML in a fixed
  // order.
  std::string Resolved() const;

 private:
  struct State;
  explicit Config(std::shared_ptr<State> state);
  std::shared_ptr<State> state_;
  friend class ConfigTable;
};

// What a TOML file says, as overrides of another document, in the file's order:
// "link.latency_ms=5". A list of tables, or of anything, and an inline table are one value each;
// [fleet.class.0] is a table whose name is a number, so it steps into the other document's list.
// Paths mean what they mean there: they are relative to the other document's folder. Throws
// InputError if the file cannot be read or is not TOML.
std::vector<std::string> OverridesOf(const std::string& path);

// "link.latency_ms" of an override "link.latency_ms=5".
std::string KeyOfOverride(const std::string& text);

// The value of an override as a TOML file would have it: 4 and [1, 2] as they are, in-turn in
// quotes.
std::string TomlValue(const std::string& text);

// One table of the document, possibly absent (then every key takes its default). Cheap to copy;
// shares the document.
class ConfigTable {
 public:
  bool Has(const std::string& key) const;

  // Without a fallback the key is required.
  double Number(const std::string& key, Range range, std::optional<double> fallback = {}) const;
  // May be written 20.0.
  int64_t Integer(const std::string& key, int64_t low, int64_t high,
                  std::optional<int64_t> fallback = {}) const;
  bool Bool(const std::string& key, std::optional<bool> fallback = {}) const;
  std::string String(const std::string& key, const std::optional<std::string>& fallback = {}) const;
  // A string out of `allowed`; the error lists them.
  std::string Choice(const std::string& key, const std::vector<std::string>& allowed,
                     const std::optional<std::string>& fallback = {}) const;
  std::vector<double> Numbers(const std::string& key, Range range,
                              const std::optional<std::vector<double>>& fallback = {}) const;
  std::vector<std::string> Strings(
      const std::string& key, const std::optional<std::vector<std::string>>& fallback = {}) const;

  // Overrides as --set takes them: texts "key=value", or "@FILE" (relative to the document's
  // folder) for OverridesOf that file, which is then named in `files`. Nothing if the key is
  // absent.
  std::vector<std::string> Overrides(const std::string& key,
                                     std::vector<std::string>* files = nullptr) const;
  // An array of arrays of them.
  std::vector<std::vector<std::string>> OverrideSets(const std::string& key,
                                                     std::vector<std::string>* files) const;

  // Values of any kind, each as TOML text that may stand behind the '=' of an override: 4, "hat",
  // [1, 2].
  std::vector<std::string> Literals(const std::string& key) const;
  // An array of arrays of them.
  std::vector<std::vector<std::string>> LiteralRows(const std::string& key) const;

  ConfigTable Table(const std::string& key) const;                // [key]
  std::vector<ConfigTable> Tables(const std::string& key) const;  // [[key]]; empty if absent

  // Paths read from `key`, relative to the folder of the document. One that begins with "~/" is an
  // error that says what to write.
  std::string Path(const std::string& key, const std::optional<std::string>& fallback = {}) const;
  std::vector<std::string> Paths(const std::string& key) const;

  // For an error about keys none of which is there: " ('workload.rate_pers' stands there: a typing
  // mistake?)", if a key that nothing has read yet is near to one of them; else empty.
  std::string MisspeltHint(const std::vector<std::string>& keys) const;

  // Refuses `keys`, which mean nothing under the choice that `chooser`, a key of this table or a
  // full one with dots, made ("means nothing with <choice>"). Where --set made the choice, such
  // keys of the document are left aside: whoever overrides a choice cannot take lines out of the
  // file.
  void Forbid(const std::vector<std::string>& keys, const std::string& chooser,
              const std::string& choice) const;

  // An error about `key`, with file, line and full key in front: "a.toml:3: 'x.y' <problem>".
  InputError Error(const std::string& key, const std::string& problem) const;

 private:
  friend class Config;
  struct Node;
  std::vector<std::string> OverridesIn(const std::string& key,
                                       const std::vector<std::string>& texts,
                                       std::vector<std::string>* files) const;
  explicit ConfigTable(std::shared_ptr<Node> node);
  std::shared_ptr<Node> node_;
};

}  // namespace hat
