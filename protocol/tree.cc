#include "protocol/tree.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <utility>

#include "core/error.h"

namespace hat {
namespace {

struct NamedTree {
  std::string name;
  Tree tree;
};

// A tree whose depth j offers the `widths[j - 1]` likeliest tokens of head j below the first node
// of depth j - 1.
Tree Comb(const std::vector<int>& widths) {
  Tree tree{{-1}, {0}, {0}};
  int parent = 0;
  for (size_t j = 0; j < widths.size(); ++j) {
    const int first = tree.size();
    for (int rank = 1; rank <= widths[j]; ++rank) {
      tree.parents.push_back(parent);
      tree.ranks.push_back(rank);
      tree.depths.push_back(static_cast<int>(j) + 1);
    }
    parent = first;
  }
  return tree;
}

// Every node of depth j has `widths[j]` children.
Tree Full(const std::vector<int>& widths) {
  Tree tree{{-1}, {0}, {0}};
  int level_begin = 0;
  for (size_t j = 0; j < widths.size(); ++j) {
    const int level_end = tree.size();
    for (int parent = level_begin; parent < level_end; ++parent) {
      for (int rank = 1; rank <= widths[j]; ++rank) {
        tree.parents.push_back(parent);
        tree.ranks.push_back(rank);
        tree.depths.push_back(static_cast<int>(j) + 1);
      }
    }
    level_begin = level_end;
  }
  return tree;
}

const std::vector<NamedTree>& Trees() {
  static const std::vector<NamedTree> kTrees = {
      {"chain", Comb({1, 1, 1, 1})},     // the top-1 chain of 4 heads
      {"chain-2", Comb({1, 1})},         // of 2 heads
      {"comb-3", Comb({3, 3, 3, 3})},    // the top 3 of each head, after the likeliest path
      {"full-4-2", Full({4, 2, 1, 1})},  // 28 nodes
  };
  return kTrees;
}

}  // namespace

const Tree& FindTree(std::string_view name) {
  for (const NamedTree& named : Trees()) {
    if (named.name == name) return named.tree;
  }
  throw InputError(
      fmt::format("unknown draft tree '{}'; known: {}", name, fmt::join(TreeNames(), ", ")));
}

std::vector<std::string> TreeNames() {
  std::vector<std::string> names;
  for (const NamedTree& named : Trees()) names.push_back(named.name);
  return names;
}

Tree CutTree(const Tree& tree, int depth) {
  Tree cut;
  for (int i = 0; i < tree.size(); ++i) {
    if (tree.depths[static_cast<size_t>(i)] > depth) break;
    cut.parents.push_back(tree.parents[static_cast<size_t>(i)]);
    cut.ranks.push_back(tree.ranks[static_cast<size_t>(i)]);
    cut.depths.push_back(tree.depths[static_cast<size_t>(i)]);
  }
  return cut;
}

}  // namespace hat
