// What the machine has and what this process may take of it: memory and cores. Read from files of
// the kernel; the folders are others in tests.
#pragma once

#include <string>
#include <vector>

#include "core/units.h"

namespace hat {

inline constexpr char kProcFolder[] = "/proc";
inline constexpr char kGroupsFolder[] = "/sys/fs/cgroup";

// All of the main memory.
Bytes TotalMemory(const std::string& proc = kProcFolder);

// What of it this process may take at most: less where a control group has a limit (version 2:
// memory.max, 1: memory.limit_in_bytes), its own or one above it.
Bytes MemoryLimit(const std::string& proc = kProcFolder, const std::string& groups = kGroupsFolder);

// What it may still take: what the machine has free, or less where a control group leaves less.
// Pages of files that a group holds count as free.
Bytes AvailableMemory(const std::string& proc = kProcFolder,
                      const std::string& groups = kGroupsFolder);

// What all network interfaces together have received and sent since they are there, headers
// included; the loopback counts what it sends as received too. Zero where the kernel does not say.
struct Traffic {
  Bytes received, sent;
};
Traffic NetworkTraffic(const std::string& proc = kProcFolder);

// Cores that this process may use.
int CoreCount();

// All values of a key in a file of "key : value" lines, such as /proc/cpuinfo.
std::vector<std::string> KernelValues(const std::string& path, const std::string& key);

}  // namespace hat
