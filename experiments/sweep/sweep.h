// A sweep in its folder: the plan's cells, and of each the key of the unit that runs it. A key is
// the SHA-256 of all that the unit's results depend on (plan/cell_inputs.h), so what is done under
// a key never has to be done again, whoever asks for it; cells of one key are one unit.
//
//   FOLDER/sweep.json    the plan's cells with their keys, made again when an input changes
//   FOLDER/units/KEY/    results of a unit that is done (results.h), renamed there when whole
//   FOLDER/failed/KEY    why a unit failed (JSON)
//   FOLDER/work, locks   of units that are being run
#pragma once

#include <set>
#include <string>
#include <vector>

#include "experiments/plan/cell_inputs.h"
#include "experiments/sweep/sweep_plan.h"

namespace hat {

inline constexpr int kSweepSchema = 1;
inline constexpr const char* kSweepFile = "sweep.json";

struct Unit {
  std::string key;  // 64 hex digits
  size_t cell = 0;  // the first one of that key
};

struct Sweep {
  std::string folder;
  SweepPlan plan;
  std::vector<std::string> keys;  // by cell
  std::vector<Unit> units;        // in the order of their keys: as if shuffled
};

struct SweepOptions {
  std::string plan;                    // its file
  std::string folder;                  // made if it is not there
  std::vector<std::string> overrides;  // SweepPlan's
  std::vector<std::string> program;    // the words that start 'hat simulate' (CellInputs)
  bool is_quick = false;               // LoadSweepPlan's
  // The file of the plan's runs: another name for each of several plans that share a folder's
  // units.
  std::string file = kSweepFile;
  bool makes_folder = true;  // false: one that is not there stays so, and nothing is written
};

// Reads the plan and writes FOLDER/sweep.json; from there, where it is as the plan, the scenarios,
// the files that they name and the program would make it. Throws InputError for a plan or a
// scenario that is wrong, and for a folder with other things in it; RunError.
Sweep OpenSweep(const SweepOptions& options);

// The units of all, in the one folder that they share, to be run together; of the plans only the
// cells are left.
Sweep Merged(const std::vector<Sweep>& sweeps);

// What sweep.json says, whatever has changed since. Throws InputError if there is none.
Sweep OpenSweepFolder(const std::string& folder);

// A sweep without a plan, for who finds out as it goes which runs it needs.
class GrowingSweep {
 public:
  // `name`, `folder`, `program`: as above; `axes`: what tells cells apart, the last one "seed".
  // Throws InputError for a folder with other things in it; RunError.
  GrowingSweep(const std::string& name, const std::vector<std::string>& axes,
               const std::string& folder, const std::vector<std::string>& program);

  // Returns the cell's key; one of a known key adds no unit. `values`: by axis. Throws as
  // OpenSweep.
  std::string Add(Cell cell, std::vector<std::string> values);
  void Clear();  // no cells are left; what was run stays in the folder
  // Writes sweep.json, by which one unit can be run alone: before units are run or, where there are
  // many cells for a short time each, when that is needed. What
  // others, who may be at work, wrote there stays as far as there is something of it.
  void Write() const;

  const Sweep& sweep();  // until the next Add()

 private:
  CellInputs inputs_;
  Sweep sweep_;
  std::set<std::string> keys_;
  bool has_units_ = true;  // of all cells
};

}  // namespace hat
