#include "experiments/plan/plan.h"

#include <algorithm>
#include <string_view>

namespace hat {
std::string QuotedForShell(const std::string& word) {
  constexpr std::string_view kPlain =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+=./:,@%";
  if (!word.empty() && word.find_first_not_of(kPlain) == std::string::npos) return word;
  std::string quoted = "'";
  for (const char c : word) {
    if (c == '\'') {
      quoted += "'\\''";
    } else {
      quoted += c;
    }
  }
  quoted += "'";
  return quoted;
}

std::vector<std::string> SimulateArguments(const Plan& plan, const Cell& cell) {
  std::vector<std::string> words = {cell.scenario};
  for (const std::string& override_text : cell.overrides) {
    words.insert(words.end(), {"--set", override_text});
  }
  words.insert(words.end(), {"--seed", std::to_string(cell.seed)});
  words.insert(words.end(), plan.arguments.begin(), plan.arguments.end());
  return words;
}

std::string CommandOf(const Plan& plan, const Cell& cell) {
  std::string command = "hat simulate";
  for (const std::string& word : SimulateArguments(plan, cell)) {
    command.append(" ").append(QuotedForShell(word));
  }
  return command;
}

}  // namespace hat
