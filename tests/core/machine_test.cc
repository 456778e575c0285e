#include "core/machine.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "tests/core/temp_folder.h"

namespace hat {
namespace {

// A machine with 8,000 KiB free, 8,192,000 bytes.
class MachineMemoryTest : public testing::Test {
 protected:
  MachineMemoryTest() { Write("proc/meminfo", "MemTotal: 16000 kB\nMemAvailable:    8000 kB\n"); }

  void Write(const std::string& name, const std::string& text) const {
    const std::filesystem::path path = folder_ / name;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path) << text;
  }
  double Available() const { return AvailableMemory(folder_ / "proc", folder_ / "groups").value(); }

  const TempFolder folder_;
};

TEST_F(MachineMemoryTest, WithoutGroupsIsWhatTheMachineHasFree) {
  EXPECT_EQ(Available(), 8'192'000);
  Write("proc/self/cgroup", "0::/a/b\n");
  EXPECT_EQ(Available(), 8'192'000);
}

TEST_F(MachineMemoryTest, TheTightestGroupAboveCounts) {
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

TEST_F(MachineMemoryTest, PagesOfFilesCountAsFree) {
  Write("proc/self/cgroup", "0::/\n");
  Write("groups/memory.max", "3000000\n");
  Write("groups/memory.current", "2500000\n");
  Write("groups/memory.stat", "anon 700000\ninactive_file 1000000\nactive_file 200000\n");
  EXPECT_EQ(Available(), 1'700'000);
}

// The container's group is the root of what it sees; its path is the one outside.
TEST_F(MachineMemoryTest, TheFirstVersionsGroupsCountAsWell) {
  Write("proc/self/cgroup", "5:cpu,memory:/outside/container\n0::/\n");
  Write("groups/memory/memory.limit_in_bytes", "4000000\n");
  Write("groups/memory/memory.usage_in_bytes", "1000000\n");
  Write("groups/memory/memory.stat", "inactive_file 1\ntotal_inactive_file 500000\n");
  EXPECT_EQ(Available(), 3'500'000);
}

TEST_F(MachineMemoryTest, TrafficIsAllInterfacesTogether) {
  EXPECT_EQ(NetworkTraffic(folder_ / "nowhere").sent.value(), 0);
  Write("proc/net/dev",
        "Inter-|   Receive                    |  Transmit\n"
        " face |bytes packets errs drop fifo frame compressed multicast|bytes packets errs\n"
        "    lo: 1000 10 0 0 0 0 0 0 1000 10 0 0 0 0 0 0\n"
        "  eth0:2000 20 0 0 0 0 0 0 300 5 0 0 0 0 0 0\n");
  const Traffic traffic = NetworkTraffic(folder_ / "proc");
  EXPECT_EQ(traffic.received.value(), 3000);
  EXPECT_EQ(traffic.sent.value(), 1300);
}

// Whatever is in use.
TEST_F(MachineMemoryTest, TheLimitIsTheTightestGroupsOrAllOfTheMachine) {
  const auto limit = [&] { return MemoryLimit(folder_ / "proc", folder_ / "groups").value(); };
  EXPECT_EQ(TotalMemory(folder_ / "proc").value(), 16'384'000);
  EXPECT_EQ(limit(), 16'384'000);
  Write("proc/self/cgroup", "0::/a/b\n");
  Write("groups/a/memory.max", "3000000\n");
  Write("groups/a/memory.current", "1000000\n");
  Write("groups/a/b/memory.max", "max\n");
  EXPECT_EQ(limit(), 3'000'000);
  Write("proc/self/cgroup", "5:memory:/a\n");
  Write("groups/memory/memory.limit_in_bytes", "2000000\n");
  EXPECT_EQ(limit(), 2'000'000);
}

}  // namespace
}  // namespace hat
