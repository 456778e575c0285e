// All results of a sweep in two files: FOLDER/results.csv, a row a cell with every figure of its
// summary.json, and FOLDER/results.sqlite with the tables units, metrics and, if wanted, requests.
// Nothing is added up: percentiles are those of the units, each from its own requests.
#pragma once

#include <string>

#include "experiments/sweep/sweep.h"

namespace hat {

struct CollectOptions {
  bool has_requests = true;  // the table of every request: most of the file
};

struct Collected {
  size_t cells = 0, done = 0, failed = 0;  // the others are still to do
  std::string csv, sqlite;                 // the files
};

// Cells that are not done have rows without figures. The same units give the same bytes of
// results.csv. Throws InputError for a damaged summary.json, RunError.
Collected CollectSweep(const Sweep& sweep, const CollectOptions& options = {});

}  // namespace hat
