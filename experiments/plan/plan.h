// What is to be run: a list of cells, each one run of a scenario with keys set anew and a seed.
// Cells know nothing of each other, so that they run in any order, in processes of their own.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace hat {

struct Cell {
  std::string name;      // for people: "hat, seed 3"
  std::string folder;    // of its results, below the plan's and no other's: "runs/hat/seed-3"
  std::string scenario;  // a TOML file
  std::vector<std::string> overrides;  // as --set takes them; the seed is not among them
  uint64_t seed = 1;
};

struct Plan {
  std::vector<Cell> cells;
  std::vector<std::string> arguments;  // more for each run's program: "--check"
};

// The arguments of 'hat simulate' for a cell: scenario, keys, seed and the plan's own.
std::vector<std::string> SimulateArguments(const Plan& plan, const Cell& cell);

// A word as it is written in a command for a shell: in quotes if it needs them.
std::string QuotedForShell(const std::string& word);

// The command by which a user runs a cell alone, for a shell: "hat simulate a.toml --seed 3".
std::string CommandOf(const Plan& plan, const Cell& cell);

}  // namespace hat
