#include "experiments/import/tally.h"

#include <fmt/format.h>

#include "core/error.h"

namespace hat {

int64_t ImportTally::kept() const {
  int64_t kept = rows;
  for (const auto& [why, count] : left_out) kept -= count;
  return kept;
}

std::string ImportTally::Text() const {
  std::string text = fmt::format("{} rows read, {} kept", rows, kept());
  const char* before = "; left out: ";
  for (const auto& [why, count] : left_out) {
    text += fmt::format("{}{} {}", before, count, why);
    before = ", ";
  }
  for (const std::string& note : notes) text += "\n" + note;
  return text;
}

std::string SecondsText(int64_t ns) {
  HAT_CHECK(ns >= 0);
  if (ns % kNsPerSecond == 0) return fmt::format("{}", ns / kNsPerSecond);
  std::string text = fmt::format("{}.{:09}", ns / kNsPerSecond, ns % kNsPerSecond);
  text.erase(text.find_last_not_of('0') + 1);
  return text;
}

}  // namespace hat
