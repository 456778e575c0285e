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
