#include "core/nearest.h"

#include <algorithm>
#include <numeric>
#include <utility>
#include <vector>

namespace hat {
namespace {

size_t EditDistance(const std::string& a, const std::string& b) {
  std::vector<size_t> row(b.size() + 1);  // distances of a's first i letters to b's first j
  std::iota(row.begin(), row.end(), size_t{0});
  std::vector<size_t> above(row.size()), two_above;
  for (size_t i = 1; i <= a.size(); ++i) {
    two_above = std::exchange(above, row);
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t replaced = above[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      row[j] = std::min({replaced, row[j - 1] + 1, above[j] + 1});
      const bool is_swap = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (is_swap) row[j] = std::min(row[j], two_above[j - 2] + 1);
    }
  }
  return row.back();
}

}  // namespace

std::optional<std::string> Nearest(const std::string& name,
                                   const std::set<std::string>& candidates) {
  std::optional<std::string> nearest;
  size_t smallest = std::max<size_t>(2, name.size() / 3) + 1;
  for (const std::string& candidate : candidates) {
    const auto [shorter, longer] = std::minmax({name.size(), candidate.size()});
    if (longer - shorter >= smallest) continue;  // at least so many letters are too many
    const size_t distance = EditDistance(name, candidate);
    if (distance < smallest && 2 * distance < name.size()) {
      smallest = distance;
      nearest = candidate;
    }
  }
  return nearest;
}

}  // namespace hat
