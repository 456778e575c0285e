// docs/formats.md against the code: every key of a scenario is there, none that does not exist, and
// with its default. And the scenario that README shows.
#include <gmock/gmock.h>
#include <toml++/toml.h>

#include <algorithm>
#include <map>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "core/files.h"
#include "experiments/scenario/scenario.h"

namespace hat {
namespace {

using Keys = std::map<std::string, std::set<std::string>>;  // key: values, as text

std::string Text(const toml::node& value) {
  std::ostringstream text;
  if (const auto* string = value.as_string()) {
    text << string->get();
  } else if (const auto* number = value.as_floating_point()) {
    text << number->get();
  } else {
    value.visit([&](const auto& v) { text << v; });
  }
  return text.str();
}

void Collect(const toml::table& table, const std::string& prefix, Keys* keys) {
  for (const auto& [name, node] : table) {
    const std::string key = prefix + std::string(name.str());
    if (const auto* inner = node.as_table()) {
      Collect(*inner, key + ".", keys);
    } else if (key == "fleet.class") {
      for (const auto& entry : *node.as_array()) Collect(*entry.as_table(), key + ".", keys);
    } else {
      (*keys)[key].insert(Text(node));
    }
  }
}

constexpr const char* kBase = R"(
model = {shape = "vicuna-7b", device_layers = 2}
fleet.class = [{name = "a", count = 1, profiles = ["a.json"]}]
cloud.profile = "c.json"
cloud.draft_profile = "d.json"
)";

// Between them they make every choice that a scenario offers.
const std::vector<std::string>& Choices() {
  static const std::vector<std::string> kChoices = {
      R"(link = {up = {rate_mbps = 60}, down = {rate_mbps = 60}}
         workload = {rate_per_s = 6, requests = 9, prompts = {kind = "constant", tokens = 9}})",
      R"(link = {up = {kind = "uniform", low_mbps = 1, high_mbps = 2},
                 down = {kind = "uniform", low_mbps = 1, high_mbps = 2}, radio = {}, tcp = {}}
         workload = {arrivals = "gamma", rate_per_s = 6, duration_s = 9,
                     prompts = {kind = "csv", path = "p.csv"}, outputs = {kind = "csv", path = "o"}})",
      R"(link = {up = {kind = "trace", trace = "t"}, down = {kind = "trace", trace = "t"},
                 radio = {stall_every_s = 9, stall_ms = 9}}
         workload = {arrivals = "closed-loop", requests = 9,
                     prompts = {kind = "lognormal", mu = 1, sigma = 1},
                     outputs = {kind = "geometric", mean = 9}})",
      R"(link = {kind = "shared", cell_mbps = 1, ingress_mbps = 1, egress_mbps = 1,
                 up = {rate_mbps = 60}, down = {rate_mbps = 60}}
         workload = {arrivals = "replay", replay = "r.csv", prompts = {kind = "constant", tokens = 9},
                     outputs = {kind = "csv", path = "o"}}
         acceptance.trace = "d.trace"
         cloud.stage_link_gbps = 32)"};
  return kChoices;
}

Keys KeysOfTheCode() {
  Keys keys;
  for (const std::string& choice : Choices()) {
    std::string one_line = kBase + choice;  // TOML's inline tables may not span lines
    one_line = std::regex_replace(one_line, std::regex(R"(,\n\s+)"), ", ");
    const Scenario scenario = ParseScenario(one_line, "s.toml");
    Collect(toml::parse(scenario.resolved), "", &keys);
  }
  return keys;
}

struct Row {
  std::vector<std::string> keys;
  std::string default_value;  // what stands first and in backticks in the last cell, if anything
};

std::vector<std::string> InBackticks(const std::string& cell) {
  static const std::regex kCode("`([^`]+)`");
  std::vector<std::string> found;
  for (std::sregex_iterator i(cell.begin(), cell.end(), kCode), end; i != end; ++i) {
    found.push_back((*i)[1]);
  }
  return found;
}

std::vector<Row> RowsOfThePage() {
  const std::string page = ReadFile("docs/formats.md");
  const size_t begin = page.find("\n## Scenario\n");
  const size_t end = page.find("\n## ", begin + 1);
  std::istringstream section(page.substr(begin, end - begin));
  std::vector<Row> rows;
  for (std::string line; std::getline(section, line);) {
    if (!line.starts_with("| `")) continue;
    std::vector<std::string> cells;
    std::istringstream row(line);
    for (std::string cell; std::getline(row, cell, '|');) cells.push_back(cell);
    const std::string& last = cells.back();
    const bool has_default = last.starts_with(" `");
    rows.push_back({InBackticks(cells[1]), has_default ? InBackticks(last).front() : ""});
  }
  return rows;
}

TEST(FormatsPageTest, HasEveryKeyOfAScenarioAndNoOther) {
  std::vector<std::string> on_the_page, in_the_code;
  for (const Row& row : RowsOfThePage()) {
    on_the_page.insert(on_the_page.end(), row.keys.begin(), row.keys.end());
  }
  for (const auto& [key, values] : KeysOfTheCode()) in_the_code.push_back(key);
  std::sort(on_the_page.begin(), on_the_page.end());
  EXPECT_THAT(on_the_page, testing::ElementsAreArray(in_the_code));
}

TEST(FormatsPageTest, DefaultsAreThoseOfTheCode) {
  const Keys keys = KeysOfTheCode();
  int checked = 0;
  for (const Row& row : RowsOfThePage()) {
    if (row.default_value.empty()) continue;
    for (const std::string& key : row.keys) {
      EXPECT_THAT(keys.at(key), testing::Contains(row.default_value)) << key;
      ++checked;
    }
  }
  EXPECT_GT(checked, 40);
}

TEST(ReadmePageTest, ItsScenarioLoadsAndItsFilesExist) {
  const std::string page = ReadFile("README.md");
  const size_t begin = page.find("```toml\n") + 8;
  const Scenario scenario =
      ParseScenario(page.substr(begin, page.find("```", begin) - begin), "my.toml");
  EXPECT_NO_THROW(ReadFile(scenario.fleet.classes[0].profile_paths[0]));
  EXPECT_NO_THROW(ReadFile(scenario.cloud.profile_path));
}

}  // namespace
}  // namespace hat
