// "Did you mean ...?" for a mistyped name.
#pragma once

#include <optional>
#include <set>
#include <string>

namespace hat {

// The candidate with the fewest insertions, deletions, replacements and swaps of neighbours
// (optimal string alignment), the first of equals; nothing if even that one takes more than a third
// as many as `name` has letters (but two are forgiven where they are fewer than half).
std::optional<std::string> Nearest(const std::string& name,
                                   const std::set<std::string>& candidates);

}  // namespace hat
