// A validation for people, for a page, and for the figure: the same numbers in each.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "experiments/validate/validation.h"

namespace hat {

inline constexpr int kValidationSchema = 2;

// What was validated.
struct ValidationInfo {
  std::string scenario;
  std::string model;
  int devices = 0;
  std::vector<uint64_t> seeds;
  std::vector<std::string> overrides;  // --set
  std::vector<Requirement> requirements;
};

std::string ValidationJson(const std::vector<SystemValidation>& systems,
                           const ValidationInfo& info);  // all numbers
std::string ValidationMarkdown(const std::vector<SystemValidation>& systems,
                               const ValidationInfo& info);
// At most 80 columns; of requests that differ the first 20 a system.
std::string ValidationText(const std::vector<SystemValidation>& systems,
                           const ValidationInfo& info);

// Why the validation fails, a sentence each: what is not equal, what --require asks and does not
// get. Empty: it holds. Errors by themselves fail nothing.
std::vector<std::string> Failures(const std::vector<SystemValidation>& systems,
                                  const ValidationInfo& info);

}  // namespace hat
