// What the results of a cell depend on, as one digest: the resolved scenario with its seed, every
// file that it names, the plan's arguments and the program that simulates. Cells of equal digests
// have the same results to the byte, so that what is there need not be run again. (Not among them:
// the shared libraries that the program loads.)
#pragma once

#include <map>
#include <string>
#include <vector>

#include "experiments/plan/plan.h"

namespace hat {

class CellInputs {
 public:
  // `program`: the words that start 'hat simulate'; the first is the program's file. Throws
  // RunError if it cannot be read.
  explicit CellInputs(const std::vector<std::string>& program);

  // 64 hex digits. Reads each file once, whatever number of cells name it. Throws InputError for a
  // scenario that is wrong, or a file that cannot be read.
  std::string DigestOf(const Plan& plan, const Cell& cell);

  const std::string& program() const { return program_; }  // words and digest
  // Digests of the files that cells named so far, by path.
  const std::map<std::string, std::string>& files() const { return known_; }

 private:
  const std::string& FileDigest(const std::string& path);

  std::string program_;
  std::map<std::string, std::string> known_;
};

}  // namespace hat
