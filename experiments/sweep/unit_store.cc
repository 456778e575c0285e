#include "experiments/sweep/unit_store.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/files.h"
#include "experiments/sweep/unit_locks.h"

namespace hat {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr const char* kResults = "results";  // in a unit's folder of work

std::vector<std::string> NamesIn(const std::string& folder) {
  std::vector<std::string> names;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    names.push_back(entry.path().filename());
  }
  return names;
}

void Remove(const fs::path& path) {
  std::error_code error;
  fs::remove_all(path, error);
  if (error) throw RunError(fmt::format("cannot remove '{}': {}", path.string(), error.message()));
}

UnitFailure ParseFailure(const std::string& path) {
  try {
    const Json json = Json::parse(ReadFile(path));
    return {json.at("reason"), json.at("exit_code"), json.at("attempts")};
  } catch (const Json::exception& error) {
    throw InputError(fmt::format("{}: not a failed unit: {}", path, error.what()));
  }
}

}  // namespace

std::string UnitStore::FolderOf(const std::string& key) const { return folder_ + "/units/" + key; }

bool UnitStore::IsDone(const std::string& key) const {
  std::error_code error;
  return fs::exists(FolderOf(key), error);
}

bool UnitStore::HasFailed(const std::string& key) const {
  std::error_code error;
  return fs::exists(fmt::format("{}/failed/{}", folder_, key), error);
}

std::set<std::string> UnitStore::Done() const {
  const std::vector<std::string> names = NamesIn(folder_ + "/units");
  return {names.begin(), names.end()};
}

std::map<std::string, UnitFailure> UnitStore::Failed() const {
  std::map<std::string, UnitFailure> failed;
  for (const std::string& key : NamesIn(folder_ + "/failed")) {
    if (!key.starts_with('.'))
      failed[key] = ParseFailure(fmt::format("{}/failed/{}", folder_, key));
  }
  return failed;
}

std::string UnitStore::Begin(const std::string& key) const {
  const fs::path work = fs::path(folder_) / "work" / key;
  Remove(work);
  std::error_code error;
  fs::create_directories(work, error);
  if (error) throw RunError(fmt::format("cannot write '{}': {}", work.string(), error.message()));
  return work / kResults;
}

void UnitStore::Keep(const std::string& key) const {
  const fs::path work = fs::path(folder_) / "work" / key;
  std::error_code error;
  fs::rename(work / kResults, FolderOf(key), error);
  if (error && !IsDone(key)) {
    throw RunError(fmt::format("cannot write '{}': {}", FolderOf(key), error.message()));
  }
  Remove(work);
  ForgetFailure(key);
}

void UnitStore::Discard(const std::string& key) const { Remove(fs::path(folder_) / "work" / key); }

void UnitStore::SetFailed(const std::string& key, const UnitFailure& failure) const {
  Discard(key);
  const Json json = {
      {"reason", failure.reason}, {"exit_code", failure.exit_code}, {"attempts", failure.attempts}};
  WriteFileAtomically(fmt::format("{}/failed/{}", folder_, key),
                      json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n");
}

void UnitStore::ForgetFailure(const std::string& key) const {
  std::error_code error;
  fs::remove(fmt::format("{}/failed/{}", folder_, key), error);
}

int UnitStore::Clean(const std::vector<Unit>& units) const {
  UnitLocks locks(locks_folder());
  for (const std::string& name : NamesIn(locks_folder())) {
    if (name.starts_with('.') || locks.Take(name)) continue;
    throw RunError(fmt::format("'{}': another program runs unit {} there", folder_, name));
  }
  std::set<std::string> wanted;
  for (const Unit& unit : units) wanted.insert(unit.key);
  int removed = 0;
  for (const std::string& key : NamesIn(folder_ + "/units")) {
    if (wanted.contains(key)) continue;
    Remove(FolderOf(key));
    ++removed;
  }
  for (const char* below : {"failed", "work"}) {
    for (const std::string& name : NamesIn(folder_ + "/" + below)) {
      Remove(fs::path(folder_) / below / name);
    }
  }
  return removed;
}

}  // namespace hat
