#include "experiments/sweep/unit_store.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/files.h"

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
  } catch (const Json::exception&) {
    return {fmt::format("why is lost: '{}' is damaged", path), 1, 0};
  }
}

bool IsKey(const std::string& name) {
  return name.size() == 64 && name.find_first_not_of("0123456789abcdef") == std::string::npos;
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

std::string UnitStore::WorkOf(const std::string& key) const {
  return fmt::format("{}/work/{}.{}", folder_, key, worker_);
}

std::string UnitStore::Begin(const std::string& key) const {
  const fs::path work = WorkOf(key);
  Remove(work);
  std::error_code error;
  fs::create_directories(work, error);
  if (error) throw RunError(fmt::format("cannot write '{}': {}", work.string(), error.message()));
  return work / kResults;
}

void UnitStore::Keep(const std::string& key) const {
  const fs::path work = WorkOf(key);
  std::error_code error;
  fs::rename(work / kResults, FolderOf(key), error);
  if (error && !IsDone(key)) {
    throw RunError(fmt::format("cannot write '{}': {}", FolderOf(key), error.message()));
  }
  Remove(work);
  ForgetFailure(key);
}

void UnitStore::Discard(const std::string& key) const { Remove(WorkOf(key)); }

void UnitStore::DiscardOf(const UnitLocks& locks) const {
  for (const std::string& name : NamesIn(folder_ + "/work")) {
    if (!locks.IsOwner(name.substr(name.rfind('.') + 1))) Remove(folder_ + "/work/" + name);
  }
}

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
    if (!IsKey(key) || wanted.contains(key)) continue;
    // Out of the way first: half a folder must not count as done.
    const std::string away = fmt::format("{}/work/{}.{}", folder_, key, locks.owner());
    std::error_code error;
    fs::rename(FolderOf(key), away, error);
    if (error) throw RunError(fmt::format("cannot move '{}': {}", FolderOf(key), error.message()));
    Remove(away);
    ++removed;
  }
  DiscardOf(locks);
  for (const auto& [key, failure] : Failed()) ForgetFailure(key);
  return removed;
}

}  // namespace hat
