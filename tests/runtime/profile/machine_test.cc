#include "runtime/profile/machine.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "tests/core/temp_folder.h"

// CUDA's runtime as far as the machine asks it: two GPUs, not in the bus's order.
extern "C" __attribute__((visibility("default"))) int cudaDeviceGetPCIBusId(char* id, int size,
                                                                            int index) {
  if (index > 1) return 101;  // cudaErrorInvalidDevice
  std::snprintf(id, static_cast<size_t>(size), "%s", index == 0 ? "0000:3B:00.0" : "0000:1A:00.0");
  return 0;
}

namespace hat {
namespace {

// A machine with 8,000 KiB free, 8,192,000 bytes.
class AvailableMemoryTest : public testing::Test {
 protected:
  AvailableMemoryTest() { Write("proc/meminfo", "MemTotal: 16000 kB\nMemAvailable:    8000 kB\n"); }

  void Write(const std::string& name, const std::string& text) const {
    const std::filesystem::path path = folder_ / name;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path) << text;
  }
  double Available() const { return AvailableMemory(folder_ / "proc", folder_ / "groups").value(); }

  const TempFolder folder_;
};

TEST_F(AvailableMemoryTest, WithoutGroupsIsWhatTheMachineHasFree) {
  EXPECT_EQ(Available(), 8'192'000);
  Write("proc/self/cgroup", "0::/a/b\n");
  EXPECT_EQ(Available(), 8'192'000);
}

TEST_F(AvailableMemoryTest, TheTightestGroupAboveCounts) {
  Write("proc/self/cgroup", "0::/a/b\n");
  Write("groups/a/memory.max", "3000000\n");
  Write("groups/a/memory.current", "1000000\n");
  Write("groups/a/b/memory.max", "max\n");
  Write("groups/a/b/memory.current", "900000\n");
  EXPECT_EQ(Available(), 2'000'000);
  Write("groups/a/b/memory.max", "1500000\n");
  EXPECT_EQ(Available(), 600'000);
  Write("groups/a/b/memory.current", "1600000\n");
  EXPECT_EQ(Available(), 0);
}

TEST_F(AvailableMemoryTest, PagesOfFilesCountAsFree) {
  Write("proc/self/cgroup", "0::/\n");
  Write("groups/memory.max", "3000000\n");
  Write("groups/memory.current", "2500000\n");
  Write("groups/memory.stat", "anon 700000\ninactive_file 1000000\nactive_file 200000\n");
  EXPECT_EQ(Available(), 1'700'000);
}

// The container's group is the root of what it sees; its path is the one outside.
TEST_F(AvailableMemoryTest, TheFirstVersionsGroupsCountAsWell) {
  Write("proc/self/cgroup", "5:cpu,memory:/outside/container\n0::/\n");
  Write("groups/memory/memory.limit_in_bytes", "4000000\n");
  Write("groups/memory/memory.usage_in_bytes", "1000000\n");
  Write("groups/memory/memory.stat", "inactive_file 1\ntotal_inactive_file 500000\n");
  EXPECT_EQ(Available(), 3'500'000);
}

// An nvidia-smi that says which GPU it was asked for.
class MachineTest : public testing::Test {
 protected:
  MachineTest() : path_(std::getenv("PATH")) {
    const std::string script = folder_ / "nvidia-smi";
    std::ofstream(script) << "#!/bin/sh\necho \"GPU $2\"\n";
    std::filesystem::permissions(script, std::filesystem::perms::owner_all);
    ::setenv("PATH", ((folder_ / "") + ":" + path_).c_str(), 1);
  }
  ~MachineTest() override { ::setenv("PATH", path_.c_str(), 1); }

  TempFolder folder_;
  std::string path_;
};

TEST_F(MachineTest, AGpuIsNamedAsCudaNumbersIt) {
  if (std::filesystem::exists("/proc/device-tree/model")) GTEST_SKIP() << "a board names itself";
  EXPECT_EQ(ReadMachine("cuda:0").hardware, "GPU 0000:3B:00.0");
  EXPECT_EQ(ReadMachine("cuda").hardware, "GPU 0000:3B:00.0");
  EXPECT_EQ(ReadMachine("cuda:1").hardware, "GPU 0000:1A:00.0");
  EXPECT_EQ(ReadMachine("cuda:2").hardware, "GPU 2");  // CUDA knows none: by nvidia-smi's number
  EXPECT_EQ(ReadMachine("cuda:1").driver, "NVIDIA GPU 0000:1A:00.0");
}

}  // namespace
}  // namespace hat
