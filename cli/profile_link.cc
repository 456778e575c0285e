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
#include "world/tcp_window.h"

namespace hat {
namespace {

struct ProfileLinkOptions {
  std::string cloud = "127.0.0.1:7077";
  std::string keys;
  std::string out;
  int round_trips = 200;
  double pause_ms = 20;  // between two: about as long as a device drafts
  double seconds = 3;    // of each direction
  double idle_s = 3;     // before an upload that may find TCP's window small again
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
  line.add_option("--cloud", options.cloud, "its address and, unless 7077, port")
      ->transform(WithPort)
      ->capture_default_str();
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
  line.add_option("--idle-s", options.idle_s,
                  "before uploads that are held against others without a pause: [link.tcp]")
      ->capture_default_str()
      ->check(CLI::Range(0.0, 60.0));
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

// A prompt's upload after a pause, and how much later it is there than one that follows another.
struct AfterPause {
  Bytes size;
  Seconds late;  // median
};

AfterPause MeasureAfterPause(LinkProbe& probe, const Way& up, const ProfileLinkOptions& options) {
  constexpr int kTimes = 3;
  const double half_a_second = up.payload_mbps * 1e6 / 8 / 2 / double(kPieceBytes);
  const int pieces = static_cast<int>(std::clamp(half_a_second, 8.0, 96.0));  // 3 MB at most
  std::vector<double> late;
  for (int i = 0; i < kTimes; ++i) {
    probe.UploadPieces(pieces);
    const Seconds warm = probe.UploadPieces(pieces);
    std::this_thread::sleep_for(std::chrono::duration<double>(options.idle_s));
    late.push_back((probe.UploadPieces(pieces) - warm).value());
  }
  std::ranges::sort(late);
  return {Bytes(double(pieces) * double(kPieceBytes)), Seconds(late[kTimes / 2])};
}

struct Measured {
  std::vector<double> trips_ms;
  Way up, down;
  AfterPause after_pause;
  double trip_ms(double q) const { return Percentile(trips_ms, q); }
  double efficiency() const {
    return (up.payload_mbps + down.payload_mbps) / (up.wire_mbps() + down.wire_mbps());
  }
};

// The window of TcpWindow that makes an upload after a pause as late as was measured.
Bytes WindowOf(const Measured& link) {
  const double efficiency = link.efficiency();
  const BytesPerSecond rate = MegabitsPerSecond(link.up.payload_mbps / efficiency);
  const Seconds trip = Milliseconds(link.trip_ms(0.5));
  const Bytes size = link.after_pause.size / efficiency;
  const auto late = [&](Bytes first) {
    TcpWindow window({first, Seconds::Infinity(), trip});
    const auto line = [&](Seconds start, Bytes part) { return start + part / rate; };
    return window.Send(Seconds(0), size, line) - size / rate;
  };
  Bytes least(100), most = rate * trip;
  for (int i = 0; i < 50; ++i) {
    const Bytes middle = 0.5 * (least + most);
    (late(middle) > link.after_pause.late ? least : most) = middle;
  }
  return most;
}

std::string TcpToml(const Measured& link, const ProfileLinkOptions& options) {
  const AfterPause& after = link.after_pause;
  const double late_ms = ToMilliseconds(after.late);
  const std::string told = fmt::format(
      "\n# {:.2f} MB up after a pause of {:g} s were there {:.3g} ms later than without one",
      after.size.value() / 1e6, options.idle_s, late_ms);
  // Less is the machine's noise.
  if (late_ms < 1 || late_ms < link.trip_ms(0.5) / 2) return told + ": no [link.tcp].\n";
  return told + fmt::format(":\n[link.tcp]\nwindow_kb = {:.4g}\n", WindowOf(link).value() / 1e3);
}

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
                  "down        {:.1f} Mbit/s of payload, {:.1f}%\n"
                  "after idle  an upload of {:.2f} MB is {:.1f} ms later\n",
                  link.trip_ms(0.5), link.trip_ms(0.9), link.trip_ms(0.99), link.trips_ms.back(),
                  link.up.payload_mbps, 100 * link.up.efficiency, link.down.payload_mbps,
                  100 * link.down.efficiency, link.after_pause.size.value() / 1e6,
                  ToMilliseconds(link.after_pause.late)));
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
  link.after_pause = MeasureAfterPause(probe, link.up, options);
  Print(link);
  WriteFileAtomically(options.out, Toml(link) + TcpToml(link, options));
  SayWritten(options.out);
  return 0;
}

}  // namespace hat
