#include "core/files.h"

#include <gmock/gmock.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "tests/core/expect_error.h"
#include "tests/core/temp_folder.h"

namespace hat {
namespace {

using testing::ElementsAre, testing::HasSubstr;

// While it lives, no file may grow beyond so many bytes: writing fails with EFBIG.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes) {
    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit limit = {bytes, before_.rlim_max};
    setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FileSizeLimit() { setrlimit(RLIMIT_FSIZE, &before_); }

 private:
  rlimit before_;
};

TEST(ReadFileTest, RefusesWhatIsMissingAFolderOrTooLarge) {
  const TempFolder folder;
  std::ofstream(folder / "a") << std::string(100, 'x');
  EXPECT_EQ(ReadFile(folder / "a"), std::string(100, 'x'));
  EXPECT_INPUT_ERROR(ReadFile("no/such"), "cannot read 'no/such': No such file or directory");
  EXPECT_INPUT_ERROR(ReadFile(folder.path()), HasSubstr("Is a directory"));
  EXPECT_INPUT_ERROR(ReadFile(folder / "a", 99), HasSubstr("larger than 99 bytes"));
}

TEST(WriteFileAtomicallyTest, WritesReplacesAndLeavesNothingElse) {
  const TempFolder folder;
  WriteFileAtomically(folder / "a", "one");
  WriteFileAtomically(folder / "a", "two");
  EXPECT_EQ(ReadFile(folder / "a"), "two");
  EXPECT_THAT(folder.List(), ElementsAre("a"));
}

TEST(WriteFileAtomicallyTest, ASecretIsItsOwnersAlone) {
  const TempFolder temp;
  WriteFileAtomically(temp / "open", "x");
  WriteFileAtomically(temp / "open", "y", Readers::kOwner);
  EXPECT_EQ(std::filesystem::status(temp / "open").permissions(),
            std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
}

TEST(WriteFileAtomicallyTest, AFailureKeepsTheOldFile) {
  const TempFolder folder;
  WriteFileAtomically(folder / "a", "old");
  {
    const FileSizeLimit limit(1000);
    EXPECT_RUN_ERROR(WriteFileAtomically(folder / "a", std::string(5000, 'x')),
                     "cannot write '" + folder / "a" + "': File too large");
  }
  EXPECT_EQ(ReadFile(folder / "a"), "old");
  EXPECT_THAT(folder.List(), ElementsAre("a"));
  EXPECT_RUN_ERROR(WriteFileAtomically(folder / "no/such", "x"), HasSubstr("No such file"));
  std::filesystem::create_directory(folder / "d");
  EXPECT_RUN_ERROR(WriteFileAtomically(folder / "d", "x"), HasSubstr("Is a directory"));
  EXPECT_THAT(folder.List(), ElementsAre("a", "d"));
}

TEST(WriteFileAtomicallyTest, FollowsALinkAndKeepsIt) {
  const TempFolder folder;
  WriteFileAtomically(folder / "a", "old");
  std::filesystem::create_symlink("a", folder / "link");
  WriteFileAtomically(folder / "link", "new");
  EXPECT_EQ(ReadFile(folder / "a"), "new");
  EXPECT_TRUE(std::filesystem::is_symlink(folder / "link"));
}

TEST(WriteFileAtomicallyTest, WritesIntoADeviceInsteadOfReplacingIt) {
  WriteFileAtomically("/dev/null", "x");
  EXPECT_TRUE(std::filesystem::is_character_file("/dev/null"));
  EXPECT_RUN_ERROR(WriteFileAtomically("/dev/full", "x"),
                   "cannot write '/dev/full': No space left on device");
}

TEST(AtomicFileTest, AppearsWholeAtCommitOrNotAtAll) {
  const TempFolder folder;
  {
    AtomicFile file(folder / "a");
    file.Write("one ");
    file.Write("two");
    EXPECT_FALSE(std::filesystem::exists(folder / "a"));
    file.Commit();
    EXPECT_EQ(ReadFile(folder / "a"), "one two");
  }
  { AtomicFile(folder / "b").Write("lost"); }
  EXPECT_THAT(folder.List(), ElementsAre("a"));
}

// In a folder of its own, where a folder named '~' would be seen.
TEST(TildeTest, NothingIsReadOrWrittenUnderAPathThatAShellLeftAlone) {
  ::setenv("HOME", "/home/me", 1);
  const TempFolder folder;
  const std::filesystem::path before = std::filesystem::current_path();
  std::filesystem::current_path(folder.path());
  const auto words =
      testing::AllOf(testing::StartsWith("'~/x' begins with '~'"), HasSubstr("write '/home/me/x'"));
  EXPECT_INPUT_ERROR(ReadFile("~/x"), words);
  EXPECT_INPUT_ERROR(WriteFileAtomically("~/x", ""), words);
  EXPECT_INPUT_ERROR(ResultFolder("~/x"), words);
  EXPECT_INPUT_ERROR(ReadFile("~"), HasSubstr("write '/home/me'"));
  WriteFileAtomically("~x", "");
  EXPECT_THAT(folder.List(), ElementsAre("~x"));
  std::filesystem::current_path(before);
}

TEST(Sha256Test, MatchesTheStandardsExamples) {
  EXPECT_EQ(Sha256Hex(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(Sha256Hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(BuildCommitTest, IsAHashOrUnknown) {
  EXPECT_THAT(BuildCommit(), testing::MatchesRegex("[0-9a-f]{40}(-dirty)?|unknown"));
}

}  // namespace
}  // namespace hat
