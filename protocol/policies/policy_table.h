// The visible table behind each kind of policy: a name and how to make it.
#pragma once

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/error.h"
#include "protocol/system.h"

namespace hat {

template <class Policy>
struct PolicyRow {
  std::string name;
  std::function<std::unique_ptr<Policy>(const PolicyOptions&)> make;
};

template <class Policy>
std::vector<std::string> PolicyNames(const std::vector<PolicyRow<Policy>>& table) {
  std::vector<std::string> names;
  for (const auto& row : table) names.push_back(row.name);
  return names;
}

// Throws InputError that lists the known names.
template <class Policy>
std::unique_ptr<Policy> MakePolicy(const std::vector<PolicyRow<Policy>>& table, const char* kind,
                                   const std::string& name, const PolicyOptions& options) {
  for (const auto& row : table) {
    if (row.name == name) return row.make(options);
  }
  throw InputError(fmt::format("unknown {} policy '{}'; known: {}", kind, name,
                               fmt::join(PolicyNames(table), ", ")));
}

}  // namespace hat
