// What an inventory says, and what it may not.
#include "runtime/serve/testbed/inventory.h"

#include <gmock/gmock.h>

#include "core/files.h"
#include "tests/core/expect_error.h"
#include "tests/core/temp_folder.h"

namespace hat {
namespace {

using testing::AllOf, testing::ElementsAre, testing::HasSubstr, testing::SizeIs;

class InventoryTest : public testing::Test {
 protected:
  Inventory Load(const std::string& text) const {
    WriteFileAtomically(temp_ / "lab.toml", text);
    return LoadInventory(temp_ / "lab.toml");
  }

  TempFolder temp_;
};

TEST_F(InventoryTest, HostsSayWhatIsTheirsAndTheRestHoldsForAll) {
  const Inventory lab = Load(R"(
ssh = ["ssh", "-p", "2222"]
program = "/opt/hat/bin/hat-live"
[cloud]
host = "gpu"
address = "10.0.0.7:9000"
model = "/srv/small"
[[device]]
host = "orin"
hardware = "AGX Orin"
[[device]]
host = "xavier"
program = "hat-live"
keys = "k"
)");
  EXPECT_THAT(lab.ssh, ElementsAre("ssh", "-p", "2222"));
  EXPECT_EQ(lab.address, "10.0.0.7:9000");
  EXPECT_EQ(lab.listen, "0.0.0.0:9000");
  EXPECT_EQ(lab.cloud.model, "/srv/small");
  EXPECT_EQ(lab.cloud.program, "/opt/hat/bin/hat-live");
  ASSERT_THAT(lab.devices, SizeIs(2));
  EXPECT_EQ(lab.devices[0].model, "models/small");
  EXPECT_EQ(lab.devices[0].hardware, "AGX Orin");
  EXPECT_EQ(lab.devices[0].keys, "keys");
  EXPECT_EQ(lab.devices[1].program, "hat-live");
  EXPECT_EQ(lab.devices[1].keys, "k");
}

TEST_F(InventoryTest, TheCloudsNameIsItsAddress) {
  const std::string device = "[[device]]\nhost = \"orin\"\n";
  EXPECT_EQ(Load("[cloud]\nhost = \"gpu.lab\"\n" + device).address, "gpu.lab:7077");
  EXPECT_EQ(Load("[cloud]\nhost = \"g\"\naddress = \"[::1]\"\n" + device).address, "[::1]:7077");
  EXPECT_EQ(Load("[cloud]\nhost = \"g\"\naddress = \"[::1]:5\"\n" + device).listen, "0.0.0.0:5");
}

TEST_F(InventoryTest, WhatIsWrongIsNamedWithItsLine) {
  const std::string cloud = "[cloud]\nhost = \"gpu\"\n";
  EXPECT_INPUT_ERROR(Load(cloud), HasSubstr("'device' must be there once at least"));
  EXPECT_INPUT_ERROR(Load("[[device]]\nhost = \"orin\"\n"), HasSubstr("'cloud.host'"));
  EXPECT_INPUT_ERROR(Load(cloud + "[[device]]\nhost = \"a\"\n[[device]]\nhost = \"a\"\n"),
                     AllOf(HasSubstr("lab.toml:6: "), HasSubstr("'a' stands there twice")));
  EXPECT_INPUT_ERROR(Load(cloud + "[[device]]\nhost = \"-oProxyCommand=x\"\n"),
                     HasSubstr("must be a name or a path"));
  EXPECT_INPUT_ERROR(Load(cloud + "[[device]]\nhost = \"a\"\nkey = \"k\"\n"),
                     HasSubstr("did you mean 'device.0.keys'"));
  EXPECT_INPUT_ERROR(Load("ssh = []\n" + cloud + "[[device]]\nhost = \"a\"\n"),
                     HasSubstr("'ssh' must hold a program at least"));
  EXPECT_INPUT_ERROR(LoadInventory(temp_ / "none.toml"), HasSubstr("none.toml"));
}

}  // namespace
}  // namespace hat
