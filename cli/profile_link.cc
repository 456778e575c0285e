// hat profile link: the way to a cloud, measured, as a scenario's link.
#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "cli/live_verbs.h"
#include "core/error.h"
#include "core/files.h"
#include "core/machine.h"
#include "experiments/results/statistics.h"
#include "runtime/serve/keys/read_keys.h"
#include "runtime/serve/wire/link_probe.h"

namespace hat {
namespace {

struct ProfileLinkOptions {
  std::string cloud = "127.0.0.1:7077";
  std::string keys;
  std::string out;
  int round_trips = 200;
  double pause_ms = 20;  // between two: about as long as a device drafts
  double seconds = 3;    // of each direction
  double timeout_s = 10;
  bool replace = false;
};

void AddOptions(CommandLine& line, ProfileLinkOptions& options) {
  line.description(
      "Measures the way to a cloud as a device's frames find it, over TLS and gRPC: latency, rate "
      "up and down, and how much of what the network carries is frames. Writes a scenario's [link] "
      "section. The cloud may serve devices meanwhile; what they send is then missing here.");
  line.footer(
      "Example:\n"
      "  hat profile link --cloud 127.0.0.1:7077 --keys keys/device-0 --out link.toml\n"
      "  hat simulate experiments/measured/small_model.toml --set @link.toml");
  line.add_option("--cloud", options.cloud, "its address and port")->capture_default_str();
  line.add_option("--keys", options.keys, "a device's folder of keys (hat keys init)")->required();
  line.add_option("--out", options.out, "the TOML file to write")->required();
  line.add_option("--round-trips", options.round_trips, "of empty messages, for the latency")
      ->capture_default_str()
      ->check(CLI::Range(1, 100'000));
  line.add_option("--pause-ms", options.pause_ms, "between two of them")
      ->capture_default_str()
      ->check(CLI::Range(0.0, 60e3));
  line.add_option("--seconds", options.seconds, "of each direction, for the rates")
      ->capture_default_str()
      ->check(CLI::Range(0.1, 3600.0));
  line.add_option("--timeout-s", options.timeout_s, "of connecting, and of an answer")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  line.add_flag("--force", options.replace, "replace an existing file of other content");
}

// Sorted, in milliseconds.
std::vector<double> RoundTrips(LinkProbe& probe, const ProfileLinkOptions& options) {
  for (int i = 0; i < 5; ++i) probe.RoundTrip();  // do not count
  std::vector<double> trips;
  for (int i = 0; i < options.round_trips; ++i) {
    std::this_thread::sleep_for(std::chrono::duration<double, std::milli>(options.pause_ms));
    trips.push_back(ToMilliseconds(probe.RoundTrip()));
  }
  std::ranges::sort(trips);
  return trips;
}

// One direction.
struct Way {
  double payload_mbps = 0;
  double efficiency = 1;  // payload over all that the machine's interfaces carried that way
  double wire_mbps() const { return payload_mbps / efficiency; }
};

// `carried`: the interfaces' count of that direction.
Way MeasureWay(const std::function<LinkProbe::Transfer(Seconds)>& transmit, Bytes Traffic::*carried,
               const ProfileLinkOptions& options) {
  transmit(Seconds(options.seconds / 4));  // TCP's window grows
  const Bytes before = NetworkTraffic().*carried;
  const LinkProbe::Transfer transfer = transmit(Seconds(options.seconds));
  const double on_the_wire = (NetworkTraffic().*carried - before).value();
  Way way{ToMegabitsPerSecond(transfer.rate())};
  if (on_the_wire > transfer.bytes) way.efficiency = transfer.bytes / on_the_wire;
  return way;
}

struct Measured {
  std::vector<double> trips_ms;
  Way up, down;
  double trip_ms(double q) const { return Percentile(trips_ms, q); }
  double efficiency() const {
    return (up.payload_mbps + down.payload_mbps) / (up.wire_mbps() + down.wire_mbps());
  }
};

std::string Toml(const Measured& link) {
  const double efficiency = link.efficiency();
  const auto rate = [&](const Way& way) { return way.payload_mbps / efficiency; };
  return fmt::format(
      "# Measured by 'hat profile link' ({}), {:%Y-%m-%d}: to be taken over with --set @FILE.\n"
      "# Round trip of an empty message, ms: P50 {:.4g}, P90 {:.4g}, P99 {:.4g}, most {:.4g}, of "
      "{}.\n"
      "# Payload over what the interfaces carried: up {:.4f}, down {:.4f}.\n"
      "[link]\n"
      "kind = \"dedicated\"\n"
      "latency_ms = {:.6g}  # half of the round trip's P50\n"
      "efficiency = {:.4f}\n"
      "\n"
      "[link.up]\n"
      "kind = \"constant\"\n"
      "rate_mbps = {:.6g}\n"
      "\n"
      "[link.down]\n"
      "kind = \"constant\"\n"
      "rate_mbps = {:.6g}\n",
      BuildCommit(), std::chrono::system_clock::now(), link.trip_ms(0.5), link.trip_ms(0.9),
      link.trip_ms(0.99), link.trips_ms.back(), link.trips_ms.size(), link.up.efficiency,
      link.down.efficiency, link.trip_ms(0.5) / 2, efficiency, rate(link.up), rate(link.down));
}

void Print(const Measured& link) {
  PrintResult(
      fmt::format("round trip  {:.3f} ms (p50), {:.3f} (p90), {:.3f} (p99), {:.3f} at most\n"
                  "up          {:.1f} Mbit/s of payload, {:.1f}% of what the network carried\n"
                  "down        {:.1f} Mbit/s of payload, {:.1f}%\n",
                  link.trip_ms(0.5), link.trip_ms(0.9), link.trip_ms(0.99), link.trips_ms.back(),
                  link.up.payload_mbps, 100 * link.up.efficiency, link.down.payload_mbps,
                  100 * link.down.efficiency));
}

}  // namespace

int ProfileLinkVerb(CommandLine& line) {
  ProfileLinkOptions options;
  AddOptions(line, options);
  line.Parse();
  if (!options.replace) RefuseToReplace(options.out, "");
  const DeviceKeys keys = ReadDeviceKeys(options.keys);
  LinkProbe probe({.cloud = options.cloud,
                   .tls = {keys.ca_pem, keys.certificate_pem, keys.key_pem},
                   .token = keys.token,
                   .timeout_s = options.timeout_s});
  Measured link;
  link.trips_ms = RoundTrips(probe, options);
  link.up = MeasureWay([&](Seconds s) { return probe.Upload(s); }, &Traffic::sent, options);
  link.down = MeasureWay([&](Seconds s) { return probe.Download(s); }, &Traffic::received, options);
  Print(link);
  WriteFileAtomically(options.out, Toml(link));
  SayWritten(options.out);
  return 0;
}

}  // namespace hat
