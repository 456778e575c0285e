#include "runtime/serve/testbed/shaped_network.h"

#include <fmt/format.h>
#include <unistd.h>

#include <utility>

#include "core/child_processes.h"
#include "core/error.h"
#include "core/files.h"

namespace hat {
namespace {

// Finds a program on PATH, and ends with this code where there is none.
constexpr const char* kEnv = "/usr/bin/env";
constexpr int kNotFound = 127;
constexpr const char* kInstead = "--shaping transport does without";
// A frame of 1,514 bytes carries 1,448 of a TCP stream.
constexpr double kOfFrame = 1514.0 / 1448;
// The least burst that holds a rate: two such frames and some. A packet waits for as long as 16 MB
// take, instead of being dropped.
constexpr const char* kBucket = "burst 3100 limit 16000000";

std::string AddressOf(size_t device) {
  return fmt::format("10.213.{}.{}", 1 + device / 250, 1 + device % 250);
}

std::string Tbf(const std::string& end, BytesPerSecond rate) {
  return fmt::format("qdisc add dev {} root tbf rate {:.0f}bit {}\n", end,
                     8 * kOfFrame * rate.value(), kBucket);
}

// `program`: ip or tc. `lines`: its commands.
void RunIn(pid_t space, const std::string& program, const std::string& lines,
           const std::string& commands) {
  const std::string path = commands + "." + program;
  WriteFileAtomically(path, lines);
  const EndedChild ended = RunChild(
      {kEnv, "nsenter", fmt::format("--net=/proc/{}/ns/net", space), program, "-batch", path});
  if (ended.exit_code == 0) return;
  throw RunError(
      fmt::format("the kernel's links cannot be made: {}: {}", program, ReasonOf(ended)));
}

void CheckRate(const Scenario& scenario, const RateConfig& rate, const char* name) {
  if (rate.kind != RateConfig::Kind::kTrace) return;
  throw InputError(
      fmt::format("{}: link.{}.kind = \"trace\": the kernel shapes constant rates "
                  "only; {}",
                  scenario.path, name, kInstead));
}

}  // namespace

void ShapedNetwork::CheckUsable(const Scenario& scenario) {
  CheckRate(scenario, scenario.link.up, "up");
  CheckRate(scenario, scenario.link.down, "down");
  const std::pair<bool, const char*> effects[] = {{scenario.link.radio.has_value(), "radio"},
                                                  {scenario.link.tcp.has_value(), "tcp"}};
  for (const auto& [is_there, name] : effects) {
    if (!is_there) continue;
    throw InputError(fmt::format("{}: link.{}: the kernel's links do nothing like it; {}",
                                 scenario.path, name, kInstead));
  }
  if (scenario.devices() > 60'000) {
    throw InputError(fmt::format("{}: {} devices; the kernel's links are for 60000 at most; {}",
                                 scenario.path, scenario.devices(), kInstead));
  }
  if (::geteuid() != 0) {
    throw InputError(fmt::format("--shaping kernel: network namespaces need root; {}", kInstead));
  }
  for (const char* program : {"unshare", "nsenter", "ip", "tc"}) {
    if (RunChild({kEnv, program, "-V"}).exit_code != kNotFound) continue;
    throw InputError(
        fmt::format("--shaping kernel: there is no program '{}' (packages iproute2, "
                    "util-linux); {}",
                    program, kInstead));
  }
}

void ShapedNetwork::Connect(pid_t cloud, const std::vector<Device>& devices,
                            const std::string& commands) {
  std::string ip = fmt::format("link set lo up\naddr add {}/32 dev lo\n", kCloudAddress), tc;
  for (size_t d = 0; d < devices.size(); ++d) {
    const std::string end = fmt::format("d{}", d);
    ip += fmt::format(
        "link add {0} type veth peer name cloud netns {1}\nlink set {0} up\n"
        "route add {2}/32 dev {0}\n",
        end, devices[d].pid, AddressOf(d));
    tc += Tbf(end, devices[d].down);
  }
  RunIn(cloud, "ip", ip, commands);
  RunIn(cloud, "tc", tc, commands);
  for (size_t d = 0; d < devices.size(); ++d) {
    RunIn(devices[d].pid, "ip",
          fmt::format("addr add {}/32 dev cloud\nlink set cloud up\nroute add {}/32 dev cloud\n",
                      AddressOf(d), kCloudAddress),
          commands);
    RunIn(devices[d].pid, "tc", Tbf("cloud", devices[d].up), commands);
  }
}

}  // namespace hat
