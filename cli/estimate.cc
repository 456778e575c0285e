// hat estimate: means with intervals, of anybody's numbers.
#include <fmt/format.h>

#include <cmath>
#include <sstream>
#include <string>
#include <vector>

#include "cli/plain_verbs.h"
#include "core/decimal.h"
#include "core/error.h"
#include "core/files.h"
#include "core/program.h"
#include "experiments/results/statistics.h"

namespace hat {
namespace {

void AddOptions(CommandLine& line, std::string& path) {
  line.description(
      "The mean of numbers, one a seed, with half of its 95% confidence interval (Student's t), as "
      "'hat compare' computes both: for figures that it does not compare. A line of numbers makes "
      "a line of two; of a single number the second is nan.\n\n"
      "  echo 1 2 3 | hat estimate");
  line.add_option("file", path, "a file of numbers, with spaces between (default: stdin)");
}

std::vector<double> NumbersIn(const std::string& line, const std::string& where) {
  std::vector<double> numbers;
  std::istringstream words(line);
  for (std::string word; words >> word;) {
    const std::optional<double> number = ParseDecimal(word);
    if (!number || !std::isfinite(*number)) {
      throw InputError(fmt::format("{}: '{}' is not a decimal number", where, word));
    }
    numbers.push_back(*number);
  }
  if (numbers.empty()) throw InputError(where + ": no number");
  return numbers;
}

std::string Estimates(const std::string& text, const std::string& path) {
  std::string answer;
  std::istringstream lines(text);
  int count = 0;
  for (std::string line; std::getline(lines, line);) {
    const std::string where = fmt::format("{}:{}", path, ++count);
    const Estimate estimate = MeanWithInterval(NumbersIn(line, where));
    answer += fmt::format("{:.12g} {:.12g}\n", estimate.mean, estimate.half_width);
  }
  if (answer.empty()) throw InputError(path + ": no number");
  return answer;
}

}  // namespace
}  // namespace hat

int hat::EstimateVerb(CommandLine& line) {
  std::string path = "/dev/stdin";
  AddOptions(line, path);
  line.Parse();
  PrintResult(Estimates(ReadFile(path), path));
  return 0;
}
