// Runs cells of a plan, each in a process of its own that is a copy of this one, so that what they
// have in common, the profiles, is read once, here.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "experiments/plan/cell_inputs.h"
#include "profiles/profile_reader.h"
#include "sim/run.h"

namespace hat {

class CellRunner {
 public:
  // `plan` must outlive it; `program`: CellInputs'.
  CellRunner(const Plan& plan, const std::vector<std::string>& program)
      : plan_(plan), inputs_(program) {}

  // In this process, before the cell's own is made. What is wrong is left to Run(), which finds it
  // too: it is a cell that failed, and no end of the others.
  void Prepare(const Cell& cell);

  // In the cell's own process: results into the folder `results`. Throws as hat::Run; RunError if
  // they are not those that `key` stands for, since a file is, or was when it was read, another one
  // than when the key was made.
  void Run(const Cell& cell, const std::string& key, const std::string& results);

 private:
  const Plan& plan_;
  CellInputs inputs_;  // knows no file here: each cell's process reads what it names
  ProfileReader profiles_;
  std::optional<Scenario> scenario_;  // of the cell that was prepared last
};

}  // namespace hat
