// "Did you mean ...?" for a mistyped name.
#pragma once

#include <optional>
#include <set>
#include <string>

namespace hat {

// The candidate with the fewest insertions, deletions and replacements (Levenshtein), the first of
// equals; nothing if even that one differs in more than a third of the letters of `name` (but two
// typos are always forgiven).
std::optional<std::string> Nearest(const std::string& name,
                                   const std::set<std::string>& candidates);

}  // namespace hat
