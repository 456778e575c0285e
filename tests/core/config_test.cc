#include "core/config.h"

#include <gmock/gmock.h>
#include <stdlib.h>

#include <fstream>

#include "core/config_keys.h"
#include "core/files.h"
#include "tests/core/expect_error.h"
#include "tests/core/temp_folder.h"

namespace hat {
namespace {

using testing::AllOf, testing::ElementsAre, testing::EndsWith, testing::HasSubstr, testing::Not,
    testing::Pair, testing::StartsWith;

Config Parse(const std::string& text, const std::vector<std::string>& overrides = {}) {
  return Config::FromText(text, "spec.toml", overrides);
}

double Rate(const std::string& text, const std::vector<std::string>& overrides = {}) {
  return Parse(text, overrides).Root().Table("workload").Number("rate_per_s", Range::Positive());
}

TEST(ConfigTest, ReadsEveryKindOfValue) {
  const Config config = Parse(R"(
    name = "paper"
    seed = 42
    [fleet]
    jitter = true
    weights = [1, 2.5]
    modes = ["a", "b"]
    [[fleet.class]]
    count = 20
    [[fleet.class]]
    count = 10
  )");
  const ConfigTable fleet = config.Root().Table("fleet");
  EXPECT_EQ(config.Root().String("name"), "paper");
  EXPECT_EQ(config.Root().Integer("seed", 0, 100), 42);
  EXPECT_EQ(config.Root().Number("seed", Range::Positive()), 42.0);
  EXPECT_TRUE(fleet.Bool("jitter"));
  EXPECT_THAT(fleet.Numbers("weights", Range::Positive()), ElementsAre(1, 2.5));
  EXPECT_THAT(fleet.Strings("modes"), ElementsAre("a", "b"));
  ASSERT_EQ(fleet.Tables("class").size(), 2u);
  EXPECT_EQ(fleet.Tables("class")[0].Integer("count", 1, 100), 20);
  EXPECT_EQ(fleet.Tables("class")[1].Integer("count", 1, 100), 10);
  EXPECT_NO_THROW(config.RejectUnknownKeys());
}

TEST(ConfigTest, AnAbsentKeyOrTableTakesItsDefault) {
  const ConfigTable cloud = Parse("").Root().Table("cloud");
  EXPECT_EQ(cloud.Integer("stages", 1, 64, 4), 4);
  EXPECT_EQ(cloud.Choice("batching", {"fcfs", "sarathi"}, "fcfs"), "fcfs");
  EXPECT_FALSE(cloud.Has("stages"));
  EXPECT_TRUE(cloud.Tables("replica").empty());
}

TEST(ConfigTest, ANumberOutOfRangeNamesFileLineKeyAndRange) {
  for (const std::string value : {"0", "-1", "nan", "inf", "-inf", "1e308", "1e13"}) {
    EXPECT_INPUT_ERROR(
        Rate("[workload]\n\nrate_per_s = " + value),
        StartsWith("spec.toml:3: 'workload.rate_per_s' must be a number > 0 and <= 1e+12, got "))
        << value;
  }
  EXPECT_INPUT_ERROR(Rate("[workload]\nrate_per_s = nan"), EndsWith("got nan"));
  EXPECT_INPUT_ERROR(Parse("seed = 101").Root().Integer("seed", 0, 100),
                     "spec.toml:1: 'seed' must be an integer in 0..100, got 101");
  EXPECT_INPUT_ERROR(Parse("x = [1,\n -2]").Root().Numbers("x", Range::NonNegative()),
                     HasSubstr("spec.toml:1: 'x' must be an array of numbers >= 0"));
}

TEST(ConfigTest, AWrongTypeNamesFileLineKeyAndType) {
  const ConfigTable root = Parse("a = \"fast\"\nb = 1.5\nc = 3\nd = [1]\n[t]\nx = 1").Root();
  EXPECT_INPUT_ERROR(
      root.Number("a", Range{}),
      AllOf(StartsWith("spec.toml:1: 'a' must be a number"), EndsWith("got 'fast'")));
  EXPECT_INPUT_ERROR(root.Integer("b", 0, 9),
                     "spec.toml:2: 'b' must be an integer in 0..9, got 1.5");
  EXPECT_INPUT_ERROR(root.Bool("c"), "spec.toml:3: 'c' must be true or false, got 3");
  EXPECT_INPUT_ERROR(root.String("c"), "spec.toml:3: 'c' must be a string, got 3");
  EXPECT_INPUT_ERROR(root.Strings("d"), HasSubstr("spec.toml:4: 'd' must be an array of strings"));
  EXPECT_INPUT_ERROR(root.Table("c"), "spec.toml:3: 'c' must be a table, got 3");
  EXPECT_INPUT_ERROR(root.Tables("t"), "spec.toml:5: 't' must be tables ([[t]]), got a table");
  EXPECT_INPUT_ERROR(root.Number("t", Range{}), EndsWith("got a table"));
}

TEST(ConfigTest, AWholeNumberMayBeWrittenWithAPoint) {
  const Config config = Parse("a = 20.0\nb = 20.5\nc = 1e300\nd = nan");
  EXPECT_EQ(config.Root().Integer("a", 1, 100), 20);
  EXPECT_THAT(config.Resolved(), HasSubstr("a = 20\n"));
  EXPECT_INPUT_ERROR(config.Root().Integer("b", 1, 100), EndsWith("in 1..100, got 20.5"));
  EXPECT_INPUT_ERROR(config.Root().Integer("c", 1, 100), EndsWith("got 1e+300"));
  EXPECT_INPUT_ERROR(config.Root().Integer("d", 1, 100), EndsWith("got nan"));
}

TEST(ConfigTest, AQuotedNumberIsToBeWrittenWithoutQuotes) {
  const ConfigTable root = Parse("a = '6'\nb = \"true\"\nc = ['0.5']\nd = '010'\ne = '6'").Root();
  const std::string hint = " in quotes: write it without them";
  EXPECT_INPUT_ERROR(root.Number("a", Range{}), EndsWith("got '6'" + hint));
  EXPECT_INPUT_ERROR(root.Integer("a", 0, 9), EndsWith("got '6'" + hint));
  EXPECT_INPUT_ERROR(root.Bool("b"), EndsWith("got 'true'" + hint));
  EXPECT_INPUT_ERROR(root.Numbers("c", Range{}), EndsWith("got [ '0.5' ]" + hint));
  EXPECT_INPUT_ERROR(root.Number("d", Range{}), EndsWith("got '010'"));  // no number in TOML
  EXPECT_INPUT_ERROR(root.Choice("e", {"x"}), EndsWith("got '6'"));
}

TEST(ConfigTest, AChoiceListsWhatIsAllowed) {
  EXPECT_INPUT_ERROR(
      Parse("[system]\nname = 'hut'").Root().Table("system").Choice("name", {"hat", "u-shape"}),
      "spec.toml:2: 'system.name' must be one of 'hat', 'u-shape', got 'hut'");
}

TEST(ConfigTest, AMissingKeyNamesWhereItBelongs) {
  EXPECT_INPUT_ERROR(
      Rate("\n[workload]\n"),
      StartsWith("spec.toml:2: 'workload.rate_per_s' is missing; it must be a number > 0"));
  EXPECT_INPUT_ERROR(Rate(""), StartsWith("spec.toml: 'workload.rate_per_s' is missing"));
  EXPECT_INPUT_ERROR(Rate("", {"workload.requests=1"}),
                     StartsWith("spec.toml: 'workload.rate_per_s' is missing"));
}

TEST(ConfigTest, AMissingKeyThatStandsThereMisspeltIsShown) {
  EXPECT_INPUT_ERROR(Rate("[workload]\nrequests = 3\nrate_per_sec = 6"),
                     StartsWith("spec.toml:3: 'workload.rate_per_s' is missing "
                                "('workload.rate_per_sec' stands there: a typing mistake?); it "
                                "must be a number > 0"));
  EXPECT_INPUT_ERROR(Rate("[workload]", {"workload.rate_pers=6"}),
                     StartsWith("--set: 'workload.rate_per_s' is missing ('workload.rate_pers'"));
  // The table around it.
  EXPECT_INPUT_ERROR(Rate("\n[worklaod]\nrate_per_s = 6"),
                     StartsWith("spec.toml:2: 'workload.rate_per_s' is missing ('worklaod'"));
  EXPECT_INPUT_ERROR(Rate("\n[worklaod]\nrate_per_s = 6\n[workload.prompts]"),
                     StartsWith("spec.toml:2: 'workload.rate_per_s' is missing ('worklaod'"));
  const ConfigTable one = Parse("[[c]]\n[[c]]\ncuont = 3").Root().Tables("c")[1];
  EXPECT_INPUT_ERROR(one.Integer("count", 0, 9),
                     StartsWith("spec.toml:3: 'c.1.count' is missing ('c.1.cuont'"));
  EXPECT_EQ(one.MisspeltHint({"x", "count"}), " ('c.1.cuont' stands there: a typing mistake?)");
}

// Another key of the same table, read or to be read later, is no typing mistake.
TEST(ConfigTest, AMissingKeyIsNotTakenForAnother) {
  const ConfigTable outputs = Parse("kind = 'geometric'\nmax = 9").Root();
  EXPECT_INPUT_ERROR(outputs.Number("mean", Range{}),
                     StartsWith("spec.toml:1: 'mean' is missing;"));
  const ConfigTable prompts = Parse("mu = 1\nmin = 9").Root();
  EXPECT_INPUT_ERROR(prompts.String("kind"), StartsWith("spec.toml:1: 'kind' is missing;"));
  const ConfigTable link = Parse("rate_mbps = 9").Root();
  link.Number("rate_mbps", Range{});
  EXPECT_INPUT_ERROR(link.Number("rate_mbp", Range{}), HasSubstr("is missing;"));
}

TEST(ConfigTest, AnotherFormatIsNamed) {
  EXPECT_INPUT_ERROR(Parse("{\n\"a\": 1\n}"),
                     StartsWith("spec.toml:1: looks like a JSON object, TOML is wanted: "));
  EXPECT_INPUT_ERROR(Parse("\x1f\x8b\x08"), "spec.toml: is compressed with gzip: unpack it first");
}

TEST(ConfigTest, MalformedTomlNamesTheLine) {
  for (const std::string text :
       {"a = 1\nb = = 2", "a = 1\na = 2", "a = 1\n[a]\n", "\n\"\xff\" = 1"}) {
    EXPECT_INPUT_ERROR(Parse(text), StartsWith("spec.toml:2: ")) << text;
  }
  EXPECT_INPUT_ERROR(Parse("a = vicuna-7b"), EndsWith("(text stands in quotes)"));
  EXPECT_INPUT_ERROR(Config::FromFile("no/such.toml"),
                     "cannot read 'no/such.toml': No such file or directory");
}

TEST(ConfigTest, AnErrorOfTheCallersHasTheSamePlaceInFront) {
  const ConfigTable root = Parse("\n[cloud]\nkv_tokens = 10").Root();
  EXPECT_STREQ(root.Table("cloud").Error("kv_tokens", "is too small").what(),
               "spec.toml:3: 'cloud.kv_tokens' is too small");
}

TEST(ConfigTest, PathsAreRelativeToTheDocument) {
  const auto path = [](const std::string& value) {
    return Config::FromText("path = '" + value + "'", "a/b/spec.toml").Root().Path("path", "");
  };
  EXPECT_EQ(path("../data/x.csv"), "a/data/x.csv");
  EXPECT_EQ(path("/data/x.csv"), "/data/x.csv");
  EXPECT_EQ(path(""), "");
  EXPECT_EQ(path("./~/x.csv"), "a/b/~/x.csv");
  EXPECT_EQ(path("~x/y.csv"), "a/b/~x/y.csv");
  const Config config = Config::FromText("paths = ['x', '../y']", "a/b/spec.toml");
  EXPECT_THAT(config.Root().Paths("paths"), ElementsAre("a/b/x", "a/y"));
}

TEST(ConfigTest, APathFromTheHomeFolderIsRefusedWithWhatToWrite) {
  ::setenv("HOME", "/home/me", 1);
  const Config config = Parse("path = '~/x.csv'\npaths = ['y', '~/z']");
  EXPECT_INPUT_ERROR(config.Root().Path("path"),
                     AllOf(StartsWith("spec.toml:1: 'path' begins with '~', which a shell"),
                           HasSubstr("write '/home/me/x.csv'")));
  EXPECT_INPUT_ERROR(config.Root().Paths("paths"), StartsWith("spec.toml:2: 'paths' begins"));
}

TEST(OverrideTest, ReplacesAndAddsValuesOfEveryType) {
  const Config config = Parse("[system]\nname = 'u-shape'\n[[fleet.class]]\ncount = 1",
                              {"system.name=hat", "seed=7", "workload.rate_per_s=0.5", "a.b.c=true",
                               "fleet.class.0.count=3", "list=[1, 2]", "empty=", "eq=x=y"});
  const ConfigTable root = config.Root();
  EXPECT_EQ(root.Table("system").String("name"), "hat");
  EXPECT_EQ(root.Integer("seed", 0, 9), 7);
  EXPECT_EQ(root.Table("workload").Number("rate_per_s", Range::Positive()), 0.5);
  EXPECT_TRUE(root.Table("a").Table("b").Bool("c"));
  EXPECT_EQ(root.Table("fleet").Tables("class")[0].Integer("count", 1, 9), 3);
  EXPECT_THAT(root.Numbers("list", Range{}), ElementsAre(1, 2));
  EXPECT_EQ(root.String("empty"), "");
  EXPECT_EQ(root.String("eq"), "x=y");
}

TEST(OverrideTest, TheLastOneWins) {
  EXPECT_EQ(Rate("", {"workload.rate_per_s=1", "workload.rate_per_s=2"}), 2);
}

// workload.rate_per_s, unless the kind is "loop".
std::string ForbiddenRate(const std::string& text, const std::vector<std::string>& overrides) {
  const Config config = Parse(text, overrides);
  const ConfigTable workload = config.Root().Table("workload");
  if (workload.String("kind", "open") == "loop")
    workload.Forbid({"rate_per_s"}, "kind", "kind = \"loop\"");
  config.RejectUnknownKeys();
  return config.Resolved();
}

TEST(ForbidTest, RefusesAKeyThatMeansNothingUnderTheChoiceMade) {
  const std::string problem = "'workload.rate_per_s' means nothing with kind = \"loop\"";
  EXPECT_INPUT_ERROR(ForbiddenRate("[workload]\nkind = 'loop'\nrate_per_s = 3", {}),
                     HasSubstr("spec.toml:3: " + problem));
  EXPECT_INPUT_ERROR(ForbiddenRate("[workload]", {"workload.kind=loop", "workload.rate_per_s=3"}),
                     HasSubstr("--set: " + problem));
  EXPECT_INPUT_ERROR(ForbiddenRate("[workload]\nkind = 'loop'", {"workload.rate_per_s=3"}),
                     HasSubstr("--set: " + problem));
}

TEST(ForbidTest, AChoiceMadeWithSetLeavesTheKeysOfTheFileAside) {
  const std::string resolved = ForbiddenRate("[workload]\nrate_per_s = 3", {"workload.kind=loop"});
  EXPECT_THAT(resolved, Not(HasSubstr("rate_per_s")));
}

TEST(OverrideTest, ABadValueIsAnErrorAboutSet) {
  for (const std::string value : {"0", "nan", "1e308", "fast", "[1", "'6'"}) {
    EXPECT_INPUT_ERROR(Rate("[workload]\nrate_per_s = 6", {"workload.rate_per_s=" + value}),
                       StartsWith("--set: 'workload.rate_per_s' must be a number > 0"))
        << value;
  }
}

TEST(OverrideTest, AMalformedOneSaysWhatIsAllowed) {
  EXPECT_INPUT_ERROR(Parse("", {"seed"}), "--set 'seed': must be key=value");
  EXPECT_INPUT_ERROR(Parse("", {"=1"}), StartsWith("--set: '' is not a key"));
  EXPECT_INPUT_ERROR(Parse("", {"a..b=1"}), StartsWith("--set: 'a..b' is not a key"));
  EXPECT_INPUT_ERROR(Parse("seed = 1", {"seed.x.y=1"}),
                     "--set: 'seed.x.y' cannot be set: 'seed' is not a table");
  EXPECT_INPUT_ERROR(Parse("seed = 1", {"seed.x=1"}),
                     "--set: 'seed.x' cannot be set: 'seed' is not a table");
  EXPECT_INPUT_ERROR(Parse("[[c]]\nx = 1", {"c.1.x=1"}),
                     "--set: 'c.1.x' cannot be set: 'c.1' is not a table");
  EXPECT_INPUT_ERROR(Parse("[[c]]\nx = 1", {"c.x=1"}), StartsWith("--set: 'c.x' cannot be set"));
}

TEST(OverrideTest, AFilesKeysAreOverridesInItsOrder) {
  const TempFolder folder;
  WriteFileAtomically(folder / "keys.toml",
                      "z = 1.5\n[a]\nb = \"x y\"\nc = {d = 1}\n[f.0]\ng = [1, 2]\n");
  const std::vector<std::string> overrides = OverridesOf(folder / "keys.toml");
  ASSERT_EQ(overrides.size(), 4u);
  EXPECT_EQ(overrides[0], "z=1.5");
  EXPECT_EQ(overrides[1], "a.b=\"x y\"");
  EXPECT_THAT(overrides[2], StartsWith("a.c={"));
  EXPECT_EQ(overrides[3], "f.0.g=[ 1, 2 ]");
  const Config config = Parse("f = [{g = []}]", overrides);
  EXPECT_EQ(config.Root().Table("a").Table("c").Integer("d", 0, 9), 1);
  EXPECT_THAT(config.Root().Tables("f")[0].Numbers("g", Range::Positive(9)), ElementsAre(1, 2));
  EXPECT_INPUT_ERROR(OverridesOf(folder / "none.toml"), HasSubstr("none.toml"));
  WriteFileAtomically(folder / "bad.toml", "a = \n");
  EXPECT_INPUT_ERROR(OverridesOf(folder / "bad.toml"), HasSubstr("bad.toml:1"));
}

TEST(OverrideTest, AValueAsAFileHasIt) {
  EXPECT_EQ(TomlValue("4"), "4");
  EXPECT_EQ(TomlValue("true"), "true");
  EXPECT_EQ(TomlValue("in-turn"), "\"in-turn\"");
}

// Whatever was read, defaults included, reads back to the same values.
TEST(KeysOfTest, StepsIntoTablesAndListsOfThem) {
  const std::map<std::string, std::string> keys = KeysOf(
      "seed = 1\n[link]\nlatency_ms = 2.5\nrates = [1, 2]\n[link.up]\nkind = \"a\"\n"
      "[[fleet.class]]\ncount = 3\n[[fleet.class]]\nnames = [\"x\"]\n",
      "a.toml");
  EXPECT_THAT(
      keys, ElementsAre(Pair("fleet.class.0.count", "3"), Pair("fleet.class.1.names", "[ \"x\" ]"),
                        Pair("link.latency_ms", "2.5"), Pair("link.rates", "[ 1, 2 ]"),
                        Pair("link.up.kind", "\"a\""), Pair("seed", "1")));
  EXPECT_INPUT_ERROR(KeysOf("seed =", "a.toml"), HasSubstr("a.toml:1"));
}

TEST(ResolvedTest, HoldsEverythingReadAndReadsBackTheSame) {
  const auto read = [](const Config& config) {
    const ConfigTable link = config.Root().Table("link");
    link.Number("up_mbps", Range::Positive(), 0.1 + 0.2);
    link.Choice("kind", {"dedicated", "shared"}, "dedicated");
    link.Numbers("rank_curve", Range::Between(0, 1), std::vector<double>{0.25, 1e-9});
    config.Root().Table("absent").Table("too");
    config.Root().Path("trace", "");
    for (const ConfigTable& one : config.Root().Table("fleet").Tables("class")) {
      one.Integer("count", 1, 100);
      one.String("name", "the \"fast\" one, \xc3\xbc");
    }
    config.RejectUnknownKeys();
    return config.Resolved();
  };
  const std::string once =
      read(Parse("trace = '../t.csv'\n[link]\nup_mbps = 7\n[[fleet.class]]\ncount = "
                 "2\n[[fleet.class]]\ncount = 3"));
  EXPECT_EQ(read(Parse(once)), once);
  EXPECT_THAT(once,
              AllOf(HasSubstr("up_mbps = 7.0"), HasSubstr("kind = \"dedicated\""),
                    HasSubstr("\"../t.csv\""), HasSubstr("0.25, 1e-09"), Not(HasSubstr("absent"))));
  EXPECT_EQ(read(Parse(read(Parse("")))), read(Parse("")));
  EXPECT_THAT(read(Parse("")), HasSubstr("0.30000000000000004"));
}

TEST(ResolvedTest, DoesNotDependOnTheOrderOfReadingOrWriting) {
  const Config a = Parse("x = 1\ny = 2");
  const Config b = Parse("y = 2\nx = 1");
  a.Root().Integer("x", 0, 9), a.Root().Integer("y", 0, 9);
  b.Root().Integer("y", 0, 9), b.Root().Integer("x", 0, 9);
  EXPECT_EQ(a.Resolved(), b.Resolved());
}

TEST(ConfigTest, AFileIsReadWithItsNameInErrors) {
  const TempFolder folder;
  std::ofstream(folder / "a.toml") << "seed = 'x'\n";
  EXPECT_INPUT_ERROR(Config::FromFile(folder / "a.toml").Root().Integer("seed", 0, 9),
                     StartsWith(folder / "a.toml:1: 'seed' must be"));
}

}  // namespace
}  // namespace hat
