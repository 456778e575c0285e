// hat keys init, add, show: who a cloud's devices are.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <vector>

#include "cli/plain_verbs.h"
#include "core/files.h"
#include "core/terminal_text.h"
#include "runtime/serve/keys/make_keys.h"
#include "runtime/serve/keys/show_keys.h"

namespace hat {
namespace {

constexpr const char* kInitDescription =
    "Makes the keys by which a cloud and its devices know each other: an authority (CA), a "
    "certificate and a key for the cloud and for each device, and a secret token for each device. "
    "A peer without them is refused (docs/live.md).";

constexpr const char* kInitExamples =
    "Example: a cloud that its devices call as lab.example or 10.0.0.7\n"
    "  hat keys init --out keys --devices 3 --host lab.example --host 10.0.0.7\n"
    "  scp -pr keys/cloud lab.example:hat-keys\n"
    "  scp -pr keys/device-0 jetson-0:hat-keys\n"
    "keys/ca is for 'hat keys add' alone; keep it off the other machines.";

constexpr const char* kAddDescription =
    "Makes the keys of one more device, in DIR/NAME, and adds it to DIR/cloud/tokens.csv. Copy "
    "that file to the cloud's machine, and start the cloud again.";

constexpr const char* kShowDescription =
    "Lists what a folder of 'hat keys init', or the one of a cloud or a device, holds: whose, "
    "until when it is valid, by which names the cloud may be called. Where a part cannot be used "
    "it says why, and the exit code is 1.";

CLI::Option* AddDays(CommandLine& line, int& days) {
  return line.add_option("--days", days, "Until the new certificates expire")
      ->check(CLI::Range(1, kMaxKeyDays))
      ->capture_default_str();
}

std::string Listing(const std::vector<ShownKeys>& all) {
  std::vector<Cells> rows = {{"whose", "folder", "valid until", "days"}};
  std::string problems, hosts;
  for (const ShownKeys& shown : all) {
    const auto until = shown.facts.validity.until;
    const auto days = std::chrono::floor<std::chrono::days>(until - Now()).count();
    rows.push_back({fmt::format("{} ({})", shown.facts.name, shown.what), shown.folder,
                    DateText(until), fmt::format("{}", days)});
    if (!shown.facts.hosts.empty()) {
      hosts = fmt::format("the cloud may be called {}\n", fmt::join(shown.facts.hosts, ", "));
    }
    if (!shown.problem.empty()) {
      problems += fmt::format("{} cannot be used: {}\n", shown.folder, shown.problem);
    }
  }
  return AlignedTable(rows) + hosts + problems;
}

}  // namespace

int KeysInitVerb(CommandLine& line) {
  std::string folder;
  KeysPlan plan;
  int devices = 1;
  bool replace = false;
  line.description(kInitDescription);
  line.footer(kInitExamples);
  line.add_option("--out", folder, "The folder to make: ca, cloud, and one for each device")
      ->required();
  CLI::Option* const names =
      line.add_option("--device", plan.devices, "A device's name; one for each device");
  line.add_option("--devices", devices, "How many devices: device-0, device-1, ...")
      ->check(CLI::Range(0, kMaxKeyDevices))
      ->excludes(names)
      ->capture_default_str();
  line.add_option("--host", plan.hosts,
                  "A name or an IP address by which devices call the cloud, in place of these: "
                  "TLS refuses any other")
      ->default_str(fmt::format("{}", fmt::join(plan.hosts, " ")));
  AddDays(line, plan.days);
  line.add_flag("--force", replace,
                "Replace earlier keys: whoever has them is refused from then on");
  line.Parse();
  if (plan.devices.empty()) plan.devices = NumberedDevices(devices);
  MakeKeys(folder, plan, replace);
  SayWritten(folder);
  return 0;
}

int KeysAddVerb(CommandLine& line) {
  std::string folder, name;
  int days = kDefaultKeyDays;
  bool replace = false;
  line.description(kAddDescription);
  line.add_option("name", name, "The device's name")->required();
  line.add_option("--keys", folder, "DIR: what 'hat keys init' made")->required();
  AddDays(line, days);
  line.add_flag("--force", replace,
                "Replace the device's earlier keys: its old token is refused from then on");
  line.Parse();
  AddDeviceKeys(folder, name, days, replace);
  SayWritten(fmt::format("{}/{}", folder, name));
  return 0;
}

int KeysShowVerb(CommandLine& line) {
  std::string folder;
  line.description(kShowDescription);
  line.add_option("folder", folder, "What 'hat keys init' made, or a folder of that")->required();
  line.Parse();
  const std::vector<ShownKeys> all = ShowKeys(folder);
  PrintResult(Listing(all));
  const auto is_usable = [](const ShownKeys& shown) { return shown.problem.empty(); };
  return std::ranges::all_of(all, is_usable) ? 0 : 1;
}

}  // namespace hat
