// How far each cell of a plan has come: the file status.json in the plan's folder
// (docs/formats.md). Who runs the plan writes it now and then; who goes on with it later reads what
// is done.
#pragma once

#include <string>
#include <vector>

#include "experiments/plan/plan.h"

namespace hat {

inline constexpr int kStatusSchema = 1;
inline constexpr const char* kStatusFile = "status.json";

enum class CellState { kPending, kRunning, kDone, kFailed };

struct CellStatus {
  std::string folder;  // the cell's
  CellState state = CellState::kPending;
  int attempts = 0;    // started so far
  std::string inputs;  // digest of what its results depend on (cell_inputs.h)
  std::string reason;  // why the last attempt failed; empty if none did
};

// `statuses`: by the plan's cells.
std::string StatusJson(const Plan& plan, const std::vector<CellStatus>& statuses);

// Throws InputError that names `name` if the text is no status file.
std::vector<CellStatus> ParseStatus(const std::string& text, const std::string& name);

}  // namespace hat
