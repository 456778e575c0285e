#include <gmock/gmock.h>

#include "core/config.h"
#include "tests/core/expect_error.h"

namespace hat {
namespace {

using testing::HasSubstr, testing::StartsWith;

// Reads what a small scenario has, then rejects the rest.
void Read(const std::string& text, const std::vector<std::string>& overrides = {}) {
  const Config config = Config::FromText(text, "spec.toml", overrides);
  const ConfigTable root = config.Root();
  root.Integer("seed", 0, 100, 1);
  const ConfigTable workload = root.Table("workload");
  workload.Number("rate_per_s", Range::Positive(), 6);
  workload.Integer("requests", 1, 100, 10);
  for (const ConfigTable& one : root.Table("fleet").Tables("class"))
    one.Integer("count", 1, 100, 1);
  config.RejectUnknownKeys();
}

TEST(UnknownKeyTest, KnownKeysPass) {
  EXPECT_NO_THROW(Read("seed = 1\n[workload]\nrate_per_s = 2\n[[fleet.class]]\ncount = 1"));
}

TEST(UnknownKeyTest, AMistypedKeySuggestsTheNearest) {
  EXPECT_INPUT_ERROR(
      Read("seed = 1\n[workload]\nrate_pers = 2"),
      "spec.toml:3: unknown key 'workload.rate_pers'; did you mean 'workload.rate_per_s'?");
  EXPECT_INPUT_ERROR(Read("[worklaod]\nrate_per_s = 2"),
                     "spec.toml:1: unknown key 'worklaod'; did you mean 'workload'?");
  EXPECT_INPUT_ERROR(
      Read("[[fleet.class]]\n[[fleet.class]]\ncont = 2"),
      "spec.toml:3: unknown key 'fleet.class.1.cont'; did you mean 'fleet.class.1.count'?");
}

TEST(UnknownKeyTest, SwappedLettersAreOneMistake) {
  EXPECT_INPUT_ERROR(Read("sede = 1"), HasSubstr("did you mean 'seed'?"));
}

TEST(UnknownKeyTest, AKeyInTheWrongTableSuggestsTheRightOne) {
  EXPECT_INPUT_ERROR(Read("requests = 2"), HasSubstr("did you mean 'workload.requests'?"));
}

TEST(UnknownKeyTest, AKeyLikeNoOtherListsTheKnownOnes) {
  EXPECT_INPUT_ERROR(
      Read("[workload]\nburstiness = 2"),
      "spec.toml:2: unknown key 'workload.burstiness'; known here: rate_per_s, requests");
}

TEST(UnknownKeyTest, TheFirstInTheFileIsReported) {
  EXPECT_INPUT_ERROR(Read("zzz = 1\naaa = 1", {"a=1"}),
                     StartsWith("spec.toml:1: unknown key 'zzz'"));
}

TEST(UnknownKeyTest, AnOverrideOfAnUnknownKeyNamesSet) {
  EXPECT_INPUT_ERROR(
      Read("[workload]\nrate_per_s = 2", {"workload.rate_pers=3"}),
      "--set: unknown key 'workload.rate_pers'; did you mean 'workload.rate_per_s'?");
  EXPECT_INPUT_ERROR(Read("", {"worklod.rate_per_s=3"}),
                     StartsWith("--set: unknown key 'worklod'; did you mean 'workload'?"));
}

}  // namespace
}  // namespace hat
