// The profiles that ship with the project.
#include <gmock/gmock.h>

#include <filesystem>

#include "core/files.h"
#include "profiles/profile.h"
#include "tests/core/program_run.h"

namespace hat {
namespace {

constexpr char kFolder[] = "profiles/data";

std::vector<std::string> JsonFiles(const std::string& folder) {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() == ".json") names.push_back(entry.path().filename());
  }
  std::ranges::sort(names);
  return names;
}

TEST(ShippedProfilesTest, ModelledOnesAreWhatTheProgramWritesToday) {
  const TempFolder folder;
  const ProgramRun run =
      RunProgram({"profiles/data/regenerate.sh", HAT_BIN_DIR "/hat", folder.path()});
  ASSERT_EQ(run.exit_code, 0) << run.err;
  const std::vector<std::string> written = JsonFiles(folder.path());
  ASSERT_GE(written.size(), 28u);
  for (const std::string& name : written) {
    const std::string shipped = std::string(kFolder) + "/" + name;
    ASSERT_TRUE(std::filesystem::exists(shipped)) << shipped << ": run profiles/data/regenerate.sh";
    EXPECT_TRUE(ReadFile(shipped) == ReadFile(folder / name))
        << shipped << " differs: run profiles/data/regenerate.sh, and say why in CHANGES.md";
  }
}

TEST(ShippedProfilesTest, EachIsValidAndNamedAfterItsId) {
  for (const std::string& name : JsonFiles(kFolder)) {
    const ProfileData data = ReadProfile(std::string(kFolder) + "/" + name);
    EXPECT_EQ(data.info.id + ".json", name);
    if (data.info.role == Role::kDevice) {
      EXPECT_NO_THROW(DeviceProfile{data}) << name;
    } else {
      EXPECT_NO_THROW(CloudProfile{data}) << name;
    }
  }
}

TEST(ShippedProfilesTest, NamedModelsHaveTheShapesOfTheTable) {
  for (const std::string& name : JsonFiles(kFolder)) {
    const ProfileInfo info = ReadProfile(std::string(kFolder) + "/" + name).info;
    if (info.provenance != Provenance::kModelled) continue;
    EXPECT_EQ(info.model, FindModelShape(info.model.name));
  }
}

}  // namespace
}  // namespace hat
