#include <gmock/gmock.h>
#include <sched.h>
#include <sys/mount.h>

#include <filesystem>

#include "core/files.h"
#include "tests/core/expect_error.h"
#include "tests/core/temp_folder.h"

namespace hat {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre, testing::EndsWith, testing::HasSubstr, testing::IsEmpty;

void WriteResult(const std::string& path, const std::string& name, bool replace = false) {
  ResultFolder folder(path, replace);
  folder.Write(name, "x");
  folder.Write("manifest.json", "{}");
  folder.Commit();
}

TEST(ResultFolderTest, NothingIsVisibleBeforeCommitAndEverythingAfter) {
  const TempFolder temp;
  {
    ResultFolder folder(temp / "new/out");
    folder.Write("a.csv", "1");
    folder.Write("runs/1/b.csv", "2");
    EXPECT_FALSE(fs::exists(temp / "new/out"));
    folder.Commit();
  }
  EXPECT_EQ(ReadFile(temp / "new/out/a.csv"), "1");
  EXPECT_EQ(ReadFile(temp / "new/out/runs/1/b.csv"), "2");
  EXPECT_EQ(std::distance(fs::directory_iterator(temp / "new"), {}), 1);
}

TEST(ResultFolderTest, WithoutCommitNothingRemains) {
  const TempFolder temp;
  ResultFolder(temp / "out").Write("a.csv", "1");
  EXPECT_THAT(temp.List(), IsEmpty());
}

TEST(ResultFolderTest, FoldersMadeOnTheWayGoAgainUnlessTheyAreUsed) {
  const TempFolder temp;
  ResultFolder(temp / "a/b/out").Write("a.csv", "1");
  EXPECT_THAT(temp.List(), IsEmpty());
  {
    const ResultFolder unused(temp / "a/b/out");
    WriteFileAtomically(temp / "a/precious", "x");
  }
  EXPECT_THAT(temp.List(), ElementsAre("a"));
  EXPECT_FALSE(fs::exists(temp / "a/b"));
}

TEST(ResultFolderTest, AnEmptyFolderIsTakenAndOtherDataRefused) {
  const TempFolder temp;
  fs::create_directory(temp / "out");
  WriteResult(temp / "out/", "a.csv");
  EXPECT_TRUE(fs::exists(temp / "out/a.csv"));
  EXPECT_INPUT_ERROR(ResultFolder(temp / "out"), HasSubstr("exists and is not empty"));
  EXPECT_INPUT_ERROR(ResultFolder(temp / "out/a.csv"), EndsWith("exists and is not a folder"));
  EXPECT_RUN_ERROR(ResultFolder(temp / "out/a.csv/b"), HasSubstr("Not a directory"));
  EXPECT_INPUT_ERROR(ResultFolder(""), HasSubstr("must have a name"));
  EXPECT_THAT(temp.List(), ElementsAre("out"));
}

TEST(ResultFolderTest, ReplacesOnlyAFolderWithAManifest) {
  const TempFolder temp;
  WriteResult(temp / "out", "old.csv");
  WriteResult(temp / "out", "new.csv", /*replace=*/true);
  EXPECT_FALSE(fs::exists(temp / "out/old.csv"));
  EXPECT_TRUE(fs::exists(temp / "out/new.csv"));
  fs::remove(temp / "out/manifest.json");
  EXPECT_INPUT_ERROR(ResultFolder(temp / "out", true), HasSubstr("holds no manifest.json"));
  EXPECT_TRUE(fs::exists(temp / "out/new.csv"));
  EXPECT_THAT(temp.List(), ElementsAre("out"));
}

TEST(ResultFolderTest, APrivateOneIsItsOwnersAlone) {
  const TempFolder temp;
  const auto write = [&](bool replace) {
    ResultFolder folder = ResultFolder::Private(temp / "new/out", replace, "in/mark");
    folder.Write("in/mark", "x");
    folder.Commit();
  };
  const auto mode = [&](const std::string& name) { return fs::status(temp / name).permissions(); };
  write(false);
  EXPECT_EQ(mode("new/out"), fs::perms::owner_all);
  EXPECT_EQ(mode("new/out/in"), fs::perms::owner_all);
  EXPECT_EQ(mode("new/out/in/mark"), fs::perms::owner_read | fs::perms::owner_write);
  EXPECT_INPUT_ERROR(write(false), HasSubstr("exists and is not empty"));
  write(true);
  fs::remove(temp / "new/out/in/mark");
  EXPECT_INPUT_ERROR(write(true), HasSubstr("holds no in/mark"));
}

TEST(ResultFolderTest, DataThatAppearedMeanwhileIsKept) {
  const TempFolder temp;
  ResultFolder folder(temp / "out");
  fs::create_directory(temp / "out");
  WriteFileAtomically(temp / "out/precious", "x");
  EXPECT_RUN_ERROR(folder.Commit(), HasSubstr("exists and is not empty"));
  EXPECT_EQ(ReadFile(temp / "out/precious"), "x");
}

TEST(ResultFolderTest, AResumableOneIsFoundAgainWhereItWasKept) {
  const TempFolder temp;
  const auto resume = [&] { return ResultFolder::Resumable(temp / "a/out", false, "mark"); };
  { ResultFolder folder = resume(); }
  EXPECT_THAT(temp.List(), IsEmpty()) << "not kept";
  {
    ResultFolder folder = resume();
    folder.Write("mark", "x");
    folder.Write("part", "1");
    folder.Keep(true);
    EXPECT_RUN_ERROR(resume(), HasSubstr("another program writes to"));
  }
  { ResultFolder folder = resume(); }
  EXPECT_TRUE(fs::exists(temp / "a/out.unfinished/part")) << "until it is given up";
  {
    ResultFolder folder = resume();
    EXPECT_EQ(ReadFile(folder.staging() + "/part"), "1");
    folder.Keep(true);
    folder.Commit();
  }
  EXPECT_EQ(ReadFile(temp / "a/out/part"), "1");
  EXPECT_FALSE(fs::exists(temp / "a/out.unfinished"));
}

TEST(ResultFolderTest, AResumableOneThatIsGivenUpGoes) {
  const TempFolder temp;
  for (const bool keeps : {true, false}) {
    ResultFolder folder = ResultFolder::Resumable(temp / "out", false, "mark");
    folder.Write("mark", "x");
    folder.Keep(keeps);
  }
  EXPECT_THAT(temp.List(), IsEmpty());
}

TEST(ResultFolderTest, WhatIsNoUnfinishedResultIsLeftAlone) {
  const TempFolder temp;
  fs::create_directory(temp / "out.unfinished");
  WriteFileAtomically(temp / "out.unfinished/precious", "x");
  EXPECT_INPUT_ERROR(ResultFolder::Resumable(temp / "out", false, "mark"),
                     HasSubstr("holds no mark"));
  EXPECT_EQ(ReadFile(temp / "out.unfinished/precious"), "x");
}

TEST(ResultFolderTest, AResumableOneReplacesEarlierResultsToo) {
  const TempFolder temp;
  WriteResult(temp / "out", "old.csv");
  EXPECT_INPUT_ERROR(ResultFolder::Resumable(temp / "out", false, "mark"),
                     HasSubstr("exists and is not empty"));
  {
    ResultFolder folder = ResultFolder::Resumable(temp / "out", true, "mark");
    folder.Write("manifest.json", "{}");
    folder.Keep(true);
    EXPECT_TRUE(fs::exists(temp / "out/old.csv"));
    folder.Commit();
  }
  EXPECT_THAT(temp.List(), ElementsAre("out"));
  EXPECT_FALSE(fs::exists(temp / "out/old.csv"));
}

// A file system of 64 KB, where this process may mount one.
class SmallDisk {
 public:
  SmallDisk() {
    is_mounted_ = mount("hat_test", folder_.path().c_str(), "tmpfs", 0, "size=64k") == 0;
  }
  ~SmallDisk() {
    if (is_mounted_) umount2(folder_.path().c_str(), MNT_DETACH);
  }
  bool is_mounted() const { return is_mounted_; }
  const TempFolder& folder() const { return folder_; }

 private:
  TempFolder folder_;
  bool is_mounted_;
};

TEST(ResultFolderTest, AFullDiskLeavesTheOldResultAlone) {
  const SmallDisk disk;
  if (!disk.is_mounted()) GTEST_SKIP() << "may not mount a file system";
  WriteResult(disk.folder() / "out", "old.csv");
  {
    ResultFolder folder(disk.folder() / "out", /*replace=*/true);
    EXPECT_RUN_ERROR(folder.Write("a.csv", std::string(100000, 'x')),
                     HasSubstr("No space left on device"));
  }
  EXPECT_EQ(ReadFile(disk.folder() / "out/old.csv"), "x");
  EXPECT_THAT(disk.folder().List(), ElementsAre("out"));
}

}  // namespace
}  // namespace hat
