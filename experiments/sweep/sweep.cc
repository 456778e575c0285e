#include "experiments/sweep/sweep.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "core/error.h"
#include "core/files.h"

namespace hat {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

std::string Absolute(const std::string& path) {
  return fs::absolute(path).lexically_normal().string();
}

// All but the files that the cells' scenarios name.
std::string DigestOfPlan(const SweepOptions& options, const std::string& program) {
  std::string all = fmt::format("{}\n{}\n{}\n{}\n", kSweepSchema, program, Absolute(options.plan),
                                ReadFile(options.plan));
  for (const std::string& text : options.overrides) all += text + "\n";
  if (options.is_quick) all += "quick\n";
  return Sha256Hex(all);
}

void FillUnits(Sweep& sweep) {
  std::map<std::string, size_t> first;
  for (size_t i = 0; i < sweep.keys.size(); ++i) first.try_emplace(sweep.keys[i], i);
  sweep.units.clear();
  for (const auto& [key, cell] : first) sweep.units.push_back({key, cell});
}

std::string JsonOf(const Sweep& sweep, const std::string& digest,
                   const std::map<std::string, std::string>& files) {
  Json json = {{"schema_version", kSweepSchema},
               {"name", sweep.plan.name},
               {"digest", digest},
               {"files", files},
               {"axes", sweep.plan.axes},
               {"cells", Json::array()}};
  for (size_t i = 0; i < sweep.keys.size(); ++i) {
    const Cell& cell = sweep.plan.plan.cells[i];
    json["cells"].push_back({{"key", sweep.keys[i]},
                             {"name", cell.name},
                             {"scenario", cell.scenario},
                             {"set", cell.overrides},
                             {"seed", cell.seed},
                             {"values", sweep.plan.values[i]}});
  }
  return json.dump(0, ' ', false, Json::error_handler_t::replace) + "\n";
}

Sweep Parse(const Json& json, const std::string& folder) {
  if (json.at("schema_version") != kSweepSchema) {
    throw InputError(fmt::format("schema_version is not {}", kSweepSchema));
  }
  Sweep sweep;
  sweep.folder = folder;
  json.at("name").get_to(sweep.plan.name);
  json.at("axes").get_to(sweep.plan.axes);
  for (const Json& entry : json.at("cells")) {
    Cell& cell = sweep.plan.plan.cells.emplace_back();
    entry.at("name").get_to(cell.name);
    entry.at("scenario").get_to(cell.scenario);
    entry.at("set").get_to(cell.overrides);
    entry.at("seed").get_to(cell.seed);
    entry.at("values").get_to(sweep.plan.values.emplace_back());
    entry.at("key").get_to(sweep.keys.emplace_back());
  }
  FillUnits(sweep);
  return sweep;
}

bool IsFresh(const Json& json, const std::string& digest) {
  if (json.value("digest", "") != digest) return false;
  for (const auto& [path, sha256] : json.at("files").items()) {
    std::error_code error;
    if (!fs::is_regular_file(path, error) || Sha256Hex(ReadFile(path)) != sha256.get<std::string>())
      return false;
  }
  return true;
}

// What the file says, if it was made from the same; nothing if it is damaged too: it can be made
// again.
std::optional<Sweep> KnownSweep(const std::string& file, const std::string& digest,
                                const std::string& folder) {
  std::error_code error;
  if (!fs::exists(file, error)) return std::nullopt;
  try {
    const Json json = Json::parse(ReadFile(file));
    if (!json.is_object() || !IsFresh(json, digest)) return std::nullopt;
    return Parse(json, folder);
  } catch (const Json::exception&) {
    return std::nullopt;
  }
}

void MakeFolder(const std::string& folder) {
  std::error_code error;
  const fs::path path(folder);
  const bool is_strange = fs::exists(path, error) && !fs::exists(path / "units", error) &&
                          (!fs::is_directory(path, error) || !fs::is_empty(path, error));
  if (is_strange) {
    throw InputError(fmt::format(
        "'{}' exists and holds no folder 'units', so it is not that of a sweep; give another one",
        folder));
  }
  for (const char* below : {"units", "failed", "work", "locks"}) {
    fs::create_directories(path / below, error);
    if (error) {
      throw RunError(fmt::format("cannot write '{}/{}': {}", folder, below, error.message()));
    }
  }
}

// Of programs that write one sweep.json, one at a time.
class FolderLock {
 public:
  explicit FolderLock(const std::string& folder) {
    const std::string path = folder + "/locks/.sweep";
    fd_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (fd_ < 0) throw RunError(fmt::format("cannot write '{}': {}", path, std::strerror(errno)));
    ::flock(fd_, LOCK_EX);  // where a file system has none, the last one to write wins
  }
  ~FolderLock() { ::close(fd_); }
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;

 private:
  int fd_ = -1;
};

// With those cells of its folder's sweep.json that are not among `keys` and have been run, or are
// being run.
Sweep WithOthers(const Sweep& ours, const std::set<std::string>& keys) {
  Sweep all = ours;
  const fs::path folder(ours.folder);
  std::error_code error;
  if (!fs::exists(folder / kSweepFile, error)) return all;
  Sweep others;
  try {
    others = OpenSweepFolder(ours.folder);
  } catch (const InputError&) {  // damaged: it is made again
    return all;
  }
  for (size_t i = 0; i < others.keys.size(); ++i) {
    const std::string& key = others.keys[i];
    const auto has = [&](const char* below) { return fs::exists(folder / below / key, error); };
    if (keys.contains(key) || !(has("units") || has("failed") || has("locks"))) continue;
    all.keys.push_back(key);
    all.plan.plan.cells.push_back(others.plan.plan.cells[i]);
    std::vector<std::string>& values = all.plan.values.emplace_back(ours.plan.axes.size());
    for (size_t axis = 0; axis < others.plan.axes.size(); ++axis) {
      const auto same = std::ranges::find(ours.plan.axes, others.plan.axes[axis]);
      if (same == ours.plan.axes.end()) continue;
      values[static_cast<size_t>(same - ours.plan.axes.begin())] = others.plan.values[i][axis];
    }
  }
  return all;
}

}  // namespace

Sweep OpenSweep(const SweepOptions& options) {
  RefuseTilde(options.folder);
  CellInputs inputs(options.program);
  const std::string digest = DigestOfPlan(options, inputs.program());
  const std::string file = options.folder + "/" + options.file;
  if (std::optional<Sweep> known = KnownSweep(file, digest, options.folder)) {
    known->plan.figure = LoadFigureSpec(options.plan);
    MakeFolder(options.folder);
    return *std::move(known);
  }
  Sweep sweep;
  sweep.folder = options.folder;
  sweep.plan = LoadSweepPlan(options.plan, options.overrides, options.is_quick);
  std::map<std::string, std::string> scenarios;
  for (Cell& cell : sweep.plan.plan.cells) {
    cell.scenario = Absolute(cell.scenario);
    if (!scenarios.contains(cell.scenario)) {
      scenarios[cell.scenario] = Sha256Hex(ReadFile(cell.scenario));
    }
    try {
      sweep.keys.push_back(inputs.DigestOf(sweep.plan.plan, cell));
    } catch (const InputError& error) {
      throw InputError(fmt::format("{}: {}: {}", options.plan, cell.name, error.what()));
    }
  }
  for (const std::string& path : sweep.plan.files) {
    scenarios[Absolute(path)] = Sha256Hex(ReadFile(path));
  }
  FillUnits(sweep);
  std::error_code error;
  if (!options.makes_folder && !fs::exists(options.folder, error)) return sweep;
  MakeFolder(options.folder);
  scenarios.insert(inputs.files().begin(), inputs.files().end());
  WriteFileAtomically(file, JsonOf(sweep, digest, scenarios));
  return sweep;
}

Sweep Merged(const std::vector<Sweep>& sweeps) {
  HAT_CHECK(!sweeps.empty());
  Sweep merged;
  merged.folder = sweeps.front().folder;
  for (const Sweep& sweep : sweeps) {
    HAT_CHECK(sweep.folder == merged.folder);
    const std::vector<Cell>& cells = sweep.plan.plan.cells;
    merged.plan.plan.cells.insert(merged.plan.plan.cells.end(), cells.begin(), cells.end());
    merged.keys.insert(merged.keys.end(), sweep.keys.begin(), sweep.keys.end());
  }
  FillUnits(merged);
  return merged;
}

Sweep OpenSweepFolder(const std::string& folder) {
  const std::string file = folder + "/" + kSweepFile;
  try {
    return Parse(Json::parse(ReadFile(file)), folder);
  } catch (const Json::exception&) {
    throw InputError(fmt::format(
        "{}: not the file of a sweep; 'hat sweep list' with the plan makes it again", file));
  }
}

GrowingSweep::GrowingSweep(const std::string& name, const std::vector<std::string>& axes,
                           const std::string& folder, const std::vector<std::string>& program)
    : inputs_(program) {
  RefuseTilde(folder);
  MakeFolder(folder);
  sweep_.folder = folder;
  sweep_.plan.name = name;
  sweep_.plan.axes = axes;
  Write();
}

std::string GrowingSweep::Add(Cell cell, std::vector<std::string> values) {
  cell.scenario = Absolute(cell.scenario);
  const std::string key = inputs_.DigestOf(sweep_.plan.plan, cell);
  if (!keys_.insert(key).second) return key;
  sweep_.plan.plan.cells.push_back(std::move(cell));
  sweep_.plan.values.push_back(std::move(values));
  sweep_.keys.push_back(key);
  has_units_ = false;
  return key;
}

void GrowingSweep::Clear() {
  sweep_.plan.plan.cells.clear();
  sweep_.plan.values.clear();
  sweep_.keys.clear();
  sweep_.units.clear();
  keys_.clear();
  has_units_ = true;
}

const Sweep& GrowingSweep::sweep() {
  if (!std::exchange(has_units_, true)) FillUnits(sweep_);
  return sweep_;
}

void GrowingSweep::Write() const {
  const FolderLock lock(sweep_.folder);
  WriteFileAtomically(sweep_.folder + "/" + kSweepFile,
                      JsonOf(WithOthers(sweep_, keys_), "", inputs_.files()));
}

}  // namespace hat
