// Results of a sweep's units under the names of their cells (Cell::folder, as "runs/hat/seed-3"),
// for who makes a folder of them that people read; and back under their keys, to go on with.
#pragma once

#include <map>
#include <string>

#include "experiments/sweep/sweep.h"

namespace hat {

// By the cells' folders: the key of each.
std::map<std::string, std::string> KeysByFolder(const Sweep& sweep);

// What lies in `from` under a cell's name, and was made under the cell's key as `keys` (of those
// names) says, becomes that unit's results: moved if `from` is the sweep's own folder, else copied.
// Units that are there already stay. Throws RunError.
void TakeNamedResults(const std::string& from, const std::map<std::string, std::string>& keys,
                      const Sweep& sweep);

// Once all units are done: moves their results below the sweep's folder under the cells' names, and
// removes what else made it the folder of a sweep. If that is cut off, TakeNamedResults with the
// same folder and its own keys goes back. Throws RunError.
void NameResults(const Sweep& sweep);

}  // namespace hat
