#include "core/scratch_folder.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <optional>

namespace hat {
namespace {

TEST(ScratchFolderTest, IsItsOwnersAndGoneWithAllInIt) {
  std::optional<ScratchFolder> folder("hat-test");
  const std::filesystem::path file = *folder / "below/file";
  std::filesystem::create_directory(file.parent_path());
  std::ofstream(file) << "content";
  const std::filesystem::path path = file.parent_path().parent_path();
  EXPECT_EQ(std::filesystem::status(path).permissions(), std::filesystem::perms::owner_all);
  EXPECT_TRUE(path.filename().string().starts_with("hat-test-"));
  folder.reset();
  EXPECT_FALSE(std::filesystem::exists(path));
}

}  // namespace
}  // namespace hat
