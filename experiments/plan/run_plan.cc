#include "experiments/plan/run_plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <utility>

#include "core/error.h"
#include "core/files.h"
#include "experiments/plan/cell_inputs.h"

namespace hat {
namespace {

namespace fs = std::filesystem;

constexpr int kBadInput = 2;  // exit code

// Of the time, a twentieth at most goes into writing status files.
constexpr auto kStatusPause = std::chrono::milliseconds(100);
constexpr int kStatusShare = 20;

void RemoveFolder(const fs::path& folder) {
  std::error_code error;
  fs::remove_all(folder, error);
  if (error) {
    throw RunError(fmt::format("cannot remove '{}': {}", folder.string(), error.message()));
  }
}

// Of a cell: its folder, and what a program that was killed left beside it (ResultFolder).
void RemoveAttempts(const fs::path& folder) {
  RemoveFolder(folder);
  const std::string hidden = fmt::format(".{}.", folder.filename().string());
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder.parent_path(), error)) {
    if (entry.path().filename().string().starts_with(hidden)) RemoveFolder(entry.path());
  }
}

// And the folders above it, up to `root`, that this leaves empty.
void RemoveBelow(const fs::path& root, const std::string& folder) {
  RemoveAttempts(root / folder);
  std::error_code error;
  for (fs::path at = fs::path(folder).parent_path(); !at.empty(); at = at.parent_path()) {
    if (!fs::is_empty(root / at, error) || error) return;
    fs::remove(root / at, error);
  }
}

// What a cell left there that was done.
bool IsWhole(const fs::path& folder) {
  std::error_code error;
  return fs::is_regular_file(folder / "summary.json", error);
}

void MakeFolder(const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) {
    throw RunError(fmt::format("cannot write '{}': {}", folder.string(), error.message()));
  }
}

void CopyFolder(const fs::path& from, const fs::path& to) {
  RemoveFolder(to);
  MakeFolder(to);
  std::error_code error;
  fs::copy(from, to, fs::copy_options::recursive, error);
  if (error) {
    throw RunError(fmt::format("cannot write '{}': {}", to.string(), error.message()));
  }
}

}  // namespace

PlanRun::PlanRun(const Plan& plan, PlanOptions options)
    : plan_(plan), options_(std::move(options)), end_(plan.cells.size()) {
  CellInputs inputs(options_.program);
  for (size_t i = 0; i < plan_.cells.size(); ++i) {
    const Cell& cell = plan_.cells[i];
    statuses_.push_back({cell.folder, CellState::kPending, 0, inputs.DigestOf(plan_, cell), ""});
    pending_.insert(i);
  }
  TakeOver(options_.folder);
  WriteStatus();  // names all that may lie here from now on
  if (!options_.earlier.empty()) TakeOver(options_.earlier);
}

void PlanRun::TakeOver(const std::string& folder) {
  const std::string status_file = folder + "/" + kStatusFile;
  std::error_code error;
  if (!fs::exists(status_file, error)) return;
  std::map<std::string, size_t> cells;
  for (const size_t cell : pending_) cells[plan_.cells[cell].folder] = cell;
  for (const CellStatus& old : ParseStatus(ReadFile(status_file), status_file)) {
    const auto cell = cells.find(old.folder);
    const bool is_done = cell != cells.end() && old.state == CellState::kDone &&
                         old.inputs == statuses_[cell->second].inputs &&
                         IsWhole(fs::path(folder) / old.folder);
    if (is_done) {
      if (folder != options_.folder) {
        CopyFolder(fs::path(folder) / old.folder, FolderOf(cell->second));
      }
      statuses_[cell->second] = old;
      pending_.erase(cell->second);
      ++done_;
    } else if (folder == options_.folder) {
      RemoveBelow(folder, old.folder);
    }
  }
}

PlanOutcome PlanRun::Run() {
  if (options_.on_done) options_.on_done(done_);
  while (children_.count() > 0 || CanStart()) {
    while (children_.count() < static_cast<size_t>(options_.jobs) && !IsStopped() && CanStart()) {
      Start(*pending_.begin());
    }
    if (Clock::now() >= status_is_due_) WriteStatus();
    for (const EndedChild& ended : children_.Reap()) Take(ended);
    IsStopped();
  }
  WriteStatus();
  std::ranges::sort(failures_, {}, &CellFailure::cell);
  if (!options_.keeps_going && !failures_.empty()) failures_.resize(1);
  return {is_interrupted_, done_, failures_};
}

bool PlanRun::CanStart() const {
  return !is_interrupted_ && !pending_.empty() && *pending_.begin() < end_;
}

bool PlanRun::IsStopped() {
  if (!is_interrupted_ && options_.is_interrupted()) {
    is_interrupted_ = true;
    children_.Terminate();
  }
  return is_interrupted_;
}

void PlanRun::Start(size_t cell) {
  const std::string folder = FolderOf(cell);
  RemoveAttempts(folder);
  MakeFolder(fs::path(folder).parent_path());
  std::vector<std::string> words = options_.program;
  const std::vector<std::string> arguments = SimulateArguments(plan_, plan_.cells[cell]);
  words.insert(words.end(), arguments.begin(), arguments.end());
  words.insert(words.end(), {"--quiet", "--out", folder});
  children_.Start(cell, words);
  pending_.erase(cell);
  statuses_[cell].state = CellState::kRunning;
  ++statuses_[cell].attempts;
}

void PlanRun::Take(const EndedChild& ended) {
  CellStatus& status = statuses_[ended.index];
  if (ended.exit_code == 0) {
    status.state = CellState::kDone;
    status.reason.clear();
    ++done_;
    if (options_.on_done) options_.on_done(done_);
    return;
  }
  // Ctrl-C reaches the children themselves too: so ask before one of them counts as failed.
  const bool was_stopped = IsStopped() || ended.index >= end_;
  if (was_stopped) {
    status.state = CellState::kPending;
    pending_.insert(ended.index);
    return;
  }
  status.reason = ReasonOf(ended);
  const bool tries_again = ended.exit_code != kBadInput && status.attempts <= options_.retries;
  if (tries_again) {
    status.state = CellState::kPending;
    pending_.insert(ended.index);
    return;
  }
  status.state = CellState::kFailed;
  failures_.push_back({ended.index, ended.exit_code, status.reason});
  if (options_.keeps_going) return;
  end_ = ended.index;
  children_.Terminate(end_);
}

std::string PlanRun::FolderOf(size_t cell) const {
  return fs::path(options_.folder) / plan_.cells[cell].folder;
}

void PlanRun::WriteStatus() {
  const Clock::time_point begin = Clock::now();
  WriteFileAtomically(options_.folder + "/" + kStatusFile, StatusJson(plan_, statuses_));
  const Clock::time_point end = Clock::now();
  status_is_due_ = end + std::max<Clock::duration>(kStatusPause, kStatusShare * (end - begin));
}

}  // namespace hat
