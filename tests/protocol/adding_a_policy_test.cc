// The example of docs/adding-a-policy.md compiles and works, and the page shows what compiles.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include "protocol/policies/policy_table.h"
#include "tests/protocol/example_policy.h"
#include "tests/protocol/rig.h"

namespace hat {
namespace {

std::string ReadAll(const std::string& path) {
  std::ifstream file(path);
  EXPECT_TRUE(file) << path;
  return {std::istreambuf_iterator<char>(file), {}};
}

// The contents of the page's ```cpp blocks.
std::vector<std::string> CppBlocks(const std::string& page) {
  const std::string fence = "```cpp\n";
  std::vector<std::string> blocks;
  for (size_t at = page.find(fence); at != std::string::npos; at = page.find(fence, at)) {
    at += fence.size();
    blocks.push_back(page.substr(at, page.find("```", at) - at));
    at = page.find("```", at) + 3;
  }
  return blocks;
}

std::unique_ptr<DraftingPolicy> MakeRising() {
  using Options = PolicyOptions;
  const std::vector<PolicyRow<DraftingPolicy>> table = {
#include "tests/protocol/example_row.inc"
  };
  return MakePolicy(table, "drafting", "rising", {});
}

TEST(AddingAPolicyTest, ThePageShowsTheCodeThatCompiles) {
  EXPECT_THAT(CppBlocks(ReadAll("docs/adding-a-policy.md")),
              testing::ElementsAre(ReadAll("tests/protocol/example_policy.h"),
                                   ReadAll("tests/protocol/example_row.inc")));
}

TEST(AddingAPolicyTest, TheExampleMatchesItsWorkedNumber) {
  const auto policy = MakeRising();
  EXPECT_TRUE(policy->GoesOn({0.61f, 0}));
  EXPECT_FALSE(policy->GoesOn({0.69f, 2}));
  EXPECT_TRUE(policy->GoesOn({0.71f, 2}));
}

TEST(AddingAPolicyTest, TheExampleServesARequestAndDraftsLess) {
  const auto rising = MakeRising();
  RigOptions options;
  options.system = FindSystem("hat");
  const auto drafted = [&](const DraftingPolicy* policy) {
    options.drafting = policy;
    Rig rig(options);
    rig.Arrive(MakeRequest(0, 40, 200));
    rig.Run();
    int sum = 0;
    for (const RoundEvent& round : rig.record.rounds[0]) sum += round.drafted;
    return sum;
  };
  EXPECT_LT(drafted(rising.get()), drafted(nullptr));
}

}  // namespace
}  // namespace hat
