#include "experiments/scenario/input_files.h"

#include <gmock/gmock.h>

#include <fstream>

#include "core/files.h"
#include "tests/core/expect_error.h"
#include "tests/core/temp_folder.h"
#include "tests/experiments/scenario_text.h"

namespace hat {
namespace {

using testing::HasSubstr, testing::IsEmpty;

void Write(const std::string& path, const std::string& text) { std::ofstream(path) << text; }

TEST(InputFilesTest, AScenarioWithoutFilesReadsNone) {
  EXPECT_THAT(InputFilesOf(SmallScenario()), IsEmpty());
}

TEST(InputFilesTest, EachIsNamedAsTheScenarioNamesItWithTheHashOfItsBytes) {
  const TempFolder folder;
  std::filesystem::create_directories(folder.path() + "/paper");
  Write(folder.path() + "/prompts.csv", "prompt_tokens\n5\n");
  Write(folder.path() + "/paper/up.csv", "seconds,mbps\n0,5\n");
  const std::vector<InputFile> files =
      InputFilesOf(SmallScenario({"workload.prompts={kind='csv',path='../prompts.csv'}",
                                  "link.up={kind='trace',trace='up.csv'}"},
                                 folder.path() + "/paper"));
  ASSERT_EQ(files.size(), 2u);
  EXPECT_EQ(files[0].role, "prompts");
  EXPECT_EQ(files[0].name, "../prompts.csv");
  EXPECT_EQ(files[0].sha256, Sha256Hex("prompt_tokens\n5\n"));
  EXPECT_EQ(files[1].role, "uplink-rates");
  EXPECT_EQ(files[1].name, "up.csv");
}

TEST(InputFilesTest, ASystemThatSendsNothingReadsNoRates) {
  EXPECT_THAT(InputFilesOf(SmallScenario(
                  {"system.name=device-only", "link.up={kind='trace',trace='missing.csv'}"})),
              IsEmpty());
}

TEST(InputFilesTest, AMissingOneIsAnError) {
  EXPECT_INPUT_ERROR(InputFilesOf(SmallScenario({"acceptance.trace=missing.trace"}, "/nowhere")),
                     HasSubstr("/nowhere/missing.trace"));
}

}  // namespace
}  // namespace hat
