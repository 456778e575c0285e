#include "core/machine.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <limits>
#include <sstream>
#include <thread>

#include <fmt/format.h>

namespace hat {
namespace {

constexpr double kNoLimit = std::numeric_limits<double>::infinity();

Bytes MemoryOf(const std::string& key, const std::string& proc) {
  const std::vector<std::string> values = KernelValues(proc + "/meminfo", key);
  return Bytes(values.empty() ? 0 : std::stod(values[0]) * 1024);  // in kB, which are KiB
}

// The files of a control group that say what memory it may have and has.
struct GroupFiles {
  const char* limit;
  const char* usage;
  const char* of_files[2];  // keys in memory.stat
};
constexpr GroupFiles kVersion1 = {
    "memory.limit_in_bytes", "memory.usage_in_bytes", {"total_inactive_file", "total_active_file"}};
constexpr GroupFiles kVersion2 = {"memory.max", "memory.current", {"inactive_file", "active_file"}};

// What the group in `folder` may have; infinite without a limit ("max").
double LimitOf(const std::filesystem::path& folder, const GroupFiles& files) {
  double limit = 0;
  return std::ifstream(folder / files.limit) >> limit ? limit : kNoLimit;
}

// What it leaves of that.
double LeftIn(const std::filesystem::path& folder, const GroupFiles& files) {
  const double limit = LimitOf(folder, files);
  double usage = 0;
  if (!(std::ifstream(folder / files.usage) >> usage)) return kNoLimit;
  std::ifstream stat(folder / "memory.stat");
  std::string key;
  for (double bytes = 0; stat >> key >> bytes;) {
    if (key == files.of_files[0] || key == files.of_files[1]) usage -= bytes;
  }
  return std::max(0.0, limit - usage);
}

using OfGroup = double (*)(const std::filesystem::path& folder, const GroupFiles& files);

// The least of the group at `path` and those above it. Where a container sees its own group as the
// root, `path` may not exist below it.
double LeastOnPath(const std::filesystem::path& root, const std::string& path,
                   const GroupFiles& files, OfGroup of_group) {
  double least = of_group(root, files);
  std::filesystem::path folder = root;
  for (const auto& part : std::filesystem::path(path).relative_path()) {
    folder /= part;
    least = std::min(least, of_group(folder, files));
  }
  return least;
}

// The least of all groups of this process; infinite without any.
double LeastOfGroups(const std::string& proc, const std::string& groups, OfGroup of_group) {
  double least = kNoLimit;
  std::ifstream file(proc + "/self/cgroup");
  std::string line;  // "4:memory:/a/b"; of version 2 "0::/a/b"
  while (std::getline(file, line)) {
    const size_t first = line.find(':');
    const size_t second = line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = fmt::format(",{},", line.substr(first + 1, second - first - 1));
    const std::string path = line.substr(second + 1);
    if (controllers == ",,")
      least = std::min(least, LeastOnPath(groups, path, kVersion2, of_group));
    if (controllers.find(",memory,") != std::string::npos) {
      least = std::min(least, LeastOnPath(groups + "/memory", path, kVersion1, of_group));
    }
  }
  return least;
}

}  // namespace

Bytes TotalMemory(const std::string& proc) { return MemoryOf("MemTotal", proc); }

Bytes MemoryLimit(const std::string& proc, const std::string& groups) {
  return std::min(TotalMemory(proc), Bytes(LeastOfGroups(proc, groups, LimitOf)));
}

Bytes AvailableMemory(const std::string& proc, const std::string& groups) {
  return std::min(MemoryOf("MemAvailable", proc), Bytes(LeastOfGroups(proc, groups, LeftIn)));
}

int CoreCount() { return static_cast<int>(std::max(1U, std::thread::hardware_concurrency())); }

// "  eth0: 1815 12 0 0 0 0 0 0 912 ...": bytes received, seven counts more, bytes sent.
Traffic NetworkTraffic(const std::string& proc) {
  std::ifstream file(proc + "/net/dev");
  Traffic traffic;
  for (std::string line; std::getline(file, line);) {
    const size_t colon = line.find(':');
    if (colon == std::string::npos) continue;
    std::istringstream numbers(line.substr(colon + 1));
    double received = 0, sent = 0, other = 0;
    numbers >> received;
    for (int i = 0; i < 7; ++i) numbers >> other;
    if (!(numbers >> sent)) continue;
    traffic.received += Bytes(received);
    traffic.sent += Bytes(sent);
  }
  return traffic;
}

std::vector<std::string> KernelValues(const std::string& path, const std::string& key) {
  std::ifstream file(path);
  std::vector<std::string> values;
  std::string line;
  while (std::getline(file, line)) {
    const size_t colon = line.find(':');
    if (colon == std::string::npos || line.compare(0, key.size(), key) != 0) continue;
    const size_t begin = line.find_first_not_of(" \t", colon + 1);
    values.push_back(begin == std::string::npos ? "" : line.substr(begin));
  }
  return values;
}

}  // namespace hat
