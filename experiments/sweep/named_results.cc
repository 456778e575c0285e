#include "experiments/sweep/named_results.h"

#include <fmt/format.h>

#include <filesystem>

#include "core/error.h"
#include "experiments/sweep/unit_store.h"

namespace hat {
namespace {

namespace fs = std::filesystem;

void Require(const std::error_code& error, const fs::path& path) {
  if (!error) return;
  throw RunError(fmt::format("cannot write '{}': {}", path.string(), error.message()));
}

// What a copy that was cut off left does not count as done.
void CopyWhole(const fs::path& from, const fs::path& to) {
  const fs::path part = to.parent_path().parent_path() / "work" / to.filename();
  std::error_code error;
  fs::remove_all(part, error);
  if (!error) fs::copy(from, part, fs::copy_options::recursive, error);
  if (!error) fs::rename(part, to, error);
  Require(error, to);
}

}  // namespace

std::map<std::string, std::string> KeysByFolder(const Sweep& sweep) {
  std::map<std::string, std::string> keys;
  for (size_t i = 0; i < sweep.keys.size(); ++i) {
    keys[sweep.plan.plan.cells[i].folder] = sweep.keys[i];
  }
  return keys;
}

void TakeNamedResults(const std::string& from, const std::map<std::string, std::string>& keys,
                      const Sweep& sweep) {
  const UnitStore store(sweep.folder);
  for (const auto& [folder, key] : KeysByFolder(sweep)) {
    const auto known = keys.find(folder);
    const fs::path there = fs::path(from) / folder;
    std::error_code error;
    const bool is_done = known != keys.end() && known->second == key &&
                         fs::is_regular_file(there / "summary.json", error);
    if (!is_done || store.IsDone(key)) continue;
    if (from != sweep.folder) {
      CopyWhole(there, store.FolderOf(key));
    } else {
      fs::rename(there, store.FolderOf(key), error);
      Require(error, store.FolderOf(key));
    }
  }
}

void NameResults(const Sweep& sweep) {
  const UnitStore store(sweep.folder);
  const fs::path root(sweep.folder);
  std::error_code error;
  for (const auto& [folder, key] : KeysByFolder(sweep)) {
    const fs::path there = root / folder;
    fs::create_directories(there.parent_path(), error);
    if (!error) fs::rename(store.FolderOf(key), there, error);
    Require(error, there);
  }
  for (const char* name : {"units", "failed", "work", "locks", kSweepFile}) {
    fs::remove_all(root / name, error);
    Require(error, root / name);
  }
}

}  // namespace hat
