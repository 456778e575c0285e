// The shape of a static draft tree (u-medusa).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace hat {

// Nodes in breadth-first order; node 0 is the root, the newest committed token. A node at depth j
// >= 1 is the rank-th likeliest token of Medusa head j, after its parent.
struct Tree {
  std::vector<int32_t> parents;  // root: -1
  std::vector<int32_t> ranks;    // from 1; root: 0
  std::vector<int32_t> depths;   // root: 0

  int size() const { return static_cast<int>(parents.size()); }
  int max_depth() const { return depths.empty() ? 0 : depths.back(); }
};

// A named static tree: "chain" (the default: the top-1 chain of 4 heads) and others; throws
// InputError that lists the known names.
const Tree& FindTree(std::string_view name);
std::vector<std::string> TreeNames();

// The tree without the nodes deeper than `depth`.
Tree CutTree(const Tree& tree, int depth);

}  // namespace hat
