#include "tests/bench/live_bench.h"

#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <thread>
#include <vector>

#include "core/error.h"
#include "core/files.h"
#include "core/machine.h"
#include "core/scratch_folder.h"
#include "protocol/frame_stream.h"
#include "protocol/locked_observer.h"
#include "runtime/serve/cloud_service.h"
#include "runtime/serve/device_agent.h"
#include "runtime/serve/keys/make_keys.h"
#include "runtime/serve/keys/read_keys.h"
#include "tests/bench/bare_stream.h"
#include "tests/bench/child.h"
#include "world/thread_world.h"

namespace hat {
namespace {

constexpr int kHidden = 4096;           // a frame of one state is 8 KiB and a header
constexpr int kPromptTokens = 2;        // one piece of a stream
constexpr int kOutputTokens = 1 << 30;  // a session does not end
constexpr double kWarmUp_s = 1;
constexpr size_t kStateBytes = kHidden * 2;
constexpr size_t kRoundBytes = kFrameHeaderBytes + kStateBytes;
constexpr size_t kPromptBytes = kFrameHeaderBytes + kPromptTokens * kStateBytes;

// -- what computes nothing

class NoCompute : public CloudCompute {
 public:
  void RunStage(int, Batch&) override {}  // deep states are the shallow ones
  void Forget(const SessionKey&) override {}
  Seconds CrossStageLink(int, const Batch&) override { return Seconds(0); }
};

class NoDeviceCompute : public DeviceCompute, private InputCompute, private Verifier {
 public:
  explicit NoDeviceCompute(const World& world) : world_(world) {}
  InputCompute& input() override { return *this; }
  Verifier& verifier() override { return *this; }
  ChainDrafter& chain_drafter() override { throw RunError("a system without drafts drafts"); }
  TreeDrafter& tree_drafter() override { throw RunError("a system without drafts drafts"); }

 private:
  Result RunPrompt(int, int tokens) override { return {Now(), StatesOf(tokens)}; }
  Result RunChain(int tokens) override { return {Now(), StatesOf(tokens)}; }
  First CommitFirst(const States&) override { return {Now(), false}; }
  Verified Verify(int, const States&) override { return {Now(), 0, false}; }
  VerifiedTree VerifyTree(const Tree&, const States&) override { return {Now(), {0}, false}; }

  static States StatesOf(int tokens) { return States(static_cast<size_t>(tokens) * kStateBytes); }
  Span Now() const {
    const Seconds now = world_.Now();
    return {now, now, now};
  }

  const World& world_;
};

class RoundCount : public Observer {
 public:
  void OnRound(const RoundEvent&) override { ++rounds_; }
  double rounds() const { return static_cast<double>(rounds_); }

 private:
  std::atomic<int64_t> rounds_ = 0;
};

// -- the two sides

struct Keys {
  explicit Keys(int devices) {
    MakeKeys(folder / "keys", {.devices = NumberedDevices(devices)});
    cloud = ReadCloudKeys(folder / "keys/cloud");
  }
  DeviceKeys device(int number) const {
    return ReadDeviceKeys(folder / fmt::format("keys/device-{}", number));
  }
  ScratchFolder folder{"bench-live"};
  CloudKeys cloud;
};

TlsTexts TlsOf(const CloudKeys& keys) { return {keys.ca_pem, keys.certificate_pem, keys.key_pem}; }
TlsTexts TlsOf(const DeviceKeys& keys) { return {keys.ca_pem, keys.certificate_pem, keys.key_pem}; }

const Agreement& TheAgreement() {
  static const Agreement agreement{.system = FindSystem("u-shape"), .hidden = kHidden};
  return agreement;
}

Handshake TheHandshake() {
  return {.model_sha256 = std::string(64, 'a'),
          .split = 2,
          .hidden = kHidden,
          .system_sha256 = std::string(64, 'b')};
}

// A cloud for any number of devices: says its port, then answers, with its sessions.
void PlayCloud(const ChildLine& line, const Keys& keys) {
  ThreadWorld world;
  Observer told;
  LockedObserver observer(told);
  NoCompute compute;
  CloudService cloud(
      {.world = world,
       .agreement = TheAgreement(),
       .config = {.replicas = 1, .stages = 1, .token_budget = 512, .kv_tokens = INT64_MAX / 2},
       .replicas = {&compute},
       .observer = observer,
       .wire = {.listen = "127.0.0.1:0", .tls = TlsOf(keys.cloud), .agreed = TheHandshake()},
       .find_device = [&keys](std::string_view token) -> std::optional<KnownPeer> {
         const std::optional<int> number = keys.cloud.tokens.Find(token);
         if (!number) return std::nullopt;
         return KnownPeer{*number, keys.cloud.tokens.devices()[static_cast<size_t>(*number)].name};
       },
       .downlink = [](int) { return LinkSettings{.hidden = kHidden}; }});
  line.Say(cloud.port());
  line.Answer([&cloud] { return static_cast<double>(cloud.load().sessions); });
  cloud.Stop();
  world.Join();
}

WireClient::Setup WireOf(const DeviceKeys& keys, int port) {
  return {.cloud = fmt::format("127.0.0.1:{}", port),
          .tls = TlsOf(keys),
          .token = keys.token,
          .hello = TheHandshake()};
}

// Devices that are at it until they are told to stop.
void PlayDevices(const ChildLine& line, const Keys& keys, int port, int count) {
  ThreadWorld world;
  RoundCount rounds;
  const DevicePolicies policies(TheAgreement().system);
  std::vector<std::unique_ptr<DeviceAgent>> devices;
  for (int number = 0; number < count; ++number) {
    DeviceLink::Setup link{
        .world = world,
        .agreement = TheAgreement(),
        .policies = policies,
        .observer = rounds,
        .device = number,
        .make_compute = [&world](const Request&,
                                 int) { return std::make_unique<NoDeviceCompute>(world); },
        .on_end = [](const Request&, const SessionEnd&) {},
        .wire = WireOf(keys.device(number), port),
        .uplink = {.hidden = kHidden}};
    devices.push_back(std::make_unique<DeviceAgent>(DeviceAgent::Setup{std::move(link)}));
  }
  for (int number = 0; number < count; ++number) {
    Request request;
    request.id = request.device = number;
    request.prompt_tokens = kPromptTokens;
    request.output_tokens = kOutputTokens;
    devices[static_cast<size_t>(number)]->OnArrival(request);
  }
  line.Say(count);
  line.Answer([&rounds] { return rounds.rounds(); });
  std::_Exit(0);  // sessions that never end are not waited for
}

// Devices with a session each, of which nothing comes any more.
void PlayIdleDevices(const ChildLine& line, const Keys& keys, int port, int count) {
  std::vector<std::unique_ptr<WireClient>> devices;
  std::atomic<int> answers = 0;
  for (int number = 0; number < count; ++number) {
    WireClient::Setup setup = WireOf(keys.device(number), port);
    setup.events = {.on_piece = [&answers](const Piece&) { ++answers; },
                    .on_closed = [](const std::string&) {}};
    devices.push_back(std::make_unique<WireClient>(std::move(setup)));
    Frame frame;
    frame.header.kind = FrameKind::kPrefill;
    frame.header.dtype = Dtype::kFloat16;
    frame.header.count = kPromptTokens;
    frame.header.prompt_tokens = kPromptTokens;
    frame.header.output_tokens = 4;
    frame.states.resize(kPromptTokens * kStateBytes);
    devices.back()->connection().Send({EncodeFrame(frame, kHidden)});
  }
  line.Say(count);
  line.Answer([&answers] { return static_cast<double>(answers); });
}

void PlayBareServer(const ChildLine& line, const Keys& keys) {
  const BareServer server(TlsOf(keys.cloud));
  line.Say(server.port());
  line.Answer([&server] { return server.streams(); });
  std::_Exit(0);
}

// With `once` each sends a message of the size of an idle device's, and no more.
void PlayBareClients(const ChildLine& line, const Keys& keys, int port, int count, bool once) {
  std::vector<std::unique_ptr<BareClient>> clients;
  std::atomic<int64_t> answers = 0;
  for (int number = 0; number < count; ++number) {
    clients.push_back(std::make_unique<BareClient>(TlsOf(keys.device(number)), port));
    if (once) {
      clients.back()->SendOne(kPromptBytes, answers);
    } else {
      clients.back()->PlayPingPong(kRoundBytes, answers);
    }
  }
  line.Say(count);
  line.Answer([&answers] { return static_cast<double>(answers); });
  std::_Exit(0);
}

// -- measuring

void Wait(double seconds) { std::this_thread::sleep_for(std::chrono::duration<double>(seconds)); }

struct Turn {
  double rounds_per_s, cloud_us, device_us;  // processor time of a round
};

// Both sides are at it.
Turn Measure(const Child& cloud, const Child& devices, double seconds) {
  Wait(kWarmUp_s);
  const Child::Usage cloud_before = cloud.Ask(), before = devices.Ask();
  Wait(seconds);
  const Child::Usage cloud_after = cloud.Ask(), after = devices.Ask();
  const double rounds = after.count - before.count;
  if (rounds <= 0) throw RunError("no round has ended: the measurement says nothing");
  return {rounds / seconds, 1e6 * (cloud_after.cpu_s - cloud_before.cpu_s) / rounds,
          1e6 * (after.cpu_s - before.cpu_s) / rounds};
}

Turn MeasureHat(const LiveBench& bench, const Keys& keys) {
  const Child cloud([&](const ChildLine& line) { PlayCloud(line, keys); });
  const int port = static_cast<int>(cloud.Hear());
  const Child devices([&](const ChildLine& line) { PlayDevices(line, keys, port, bench.devices); });
  devices.Hear();
  return Measure(cloud, devices, bench.seconds);
}

Turn MeasureBare(const LiveBench& bench, const Keys& keys) {
  const Child server([&](const ChildLine& line) { PlayBareServer(line, keys); });
  const int port = static_cast<int>(server.Hear());
  const Child clients(
      [&](const ChildLine& line) { PlayBareClients(line, keys, port, bench.devices, false); });
  clients.Hear();
  return Measure(server, clients, bench.seconds);
}

// Bytes of the cloud's memory that one of many idle devices takes.
double MemoryEach(const Child& cloud, const std::function<void(const ChildLine&)>& devices,
                  int count) {
  const double before = cloud.Ask().resident_bytes;
  const Child idle(devices);
  idle.Hear();
  Child::Usage usage;
  for (int i = 0; i < 100 && usage.count < count; ++i) {
    Wait(0.1);
    usage = cloud.Ask();
  }
  if (usage.count < count) throw RunError("not all devices came: the measurement says nothing");
  return (usage.resident_bytes - before) / count;
}

double HatMemory(const LiveBench& bench, const Keys& keys) {
  const Child cloud([&](const ChildLine& line) { PlayCloud(line, keys); });
  const int port = static_cast<int>(cloud.Hear());
  return MemoryEach(
      cloud, [&](const ChildLine& line) { PlayIdleDevices(line, keys, port, bench.idle_devices); },
      bench.idle_devices);
}

double BareMemory(const LiveBench& bench, const Keys& keys) {
  const Child server([&](const ChildLine& line) { PlayBareServer(line, keys); });
  const int port = static_cast<int>(server.Hear());
  return MemoryEach(
      server,
      [&](const ChildLine& line) { PlayBareClients(line, keys, port, bench.idle_devices, true); },
      bench.idle_devices);
}

double MedianOf(const std::vector<Turn>& turns, double Turn::*of) {
  std::vector<double> values;
  for (const Turn& turn : turns) values.push_back(turn.*of);
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::ranges::nth_element(values, middle);
  return *middle;
}

void PrintRow(const char* what, double bare, double hat, const char* aim) {
  fmt::print("{:38} {:>10.0f} {:>10.0f} {:>8.2f}   {}\n", what, bare, hat, hat / bare, aim);
}

// A connection is a descriptor.
void AllowDescriptors(int most) {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  const auto needed = static_cast<rlim_t>(most);
  if (limit.rlim_max < needed) {
    throw RunError(
        fmt::format("{} descriptors are needed, and {} allowed: ulimit -Hn", most, limit.rlim_max));
  }
  limit.rlim_cur = std::max(limit.rlim_cur, needed);
  setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace

void RunLiveBench(const LiveBench& bench) {
  const int connections = std::max(bench.devices, bench.idle_devices);
  AllowDescriptors(2 * connections + 200);
  const Keys keys(connections);
  std::vector<Turn> bare, hat;
  for (int turn = 0; turn < bench.turns; ++turn) {
    bare.push_back(MeasureBare(bench, keys));
    hat.push_back(MeasureHat(bench, keys));
  }
  fmt::print("Commit {}, {} cores. Nothing is computed; a round is {} bytes each way, over TLS.\n",
             BuildCommit(), CoreCount(), kRoundBytes);
  fmt::print("\n{:38} {:>10} {:>10} {:>8}   {}\n",
             fmt::format("{} devices, medians of {} turns", bench.devices, bench.turns),
             "bare gRPC", "hat", "ratio", "aim");
  PrintRow("rounds a second, both sides here", MedianOf(bare, &Turn::rounds_per_s),
           MedianOf(hat, &Turn::rounds_per_s), "ratio >= 0.50");
  PrintRow("cloud, us of processor a round", MedianOf(bare, &Turn::cloud_us),
           MedianOf(hat, &Turn::cloud_us), "<= 300");
  PrintRow("a device, us of processor a round", MedianOf(bare, &Turn::device_us),
           MedianOf(hat, &Turn::device_us), "<= 200");
  std::fflush(stdout);
  PrintRow(fmt::format("cloud, KB of each of {} idle", bench.idle_devices).c_str(),
           BareMemory(bench, keys) / 1e3, HatMemory(bench, keys) / 1e3, "<= 100");
}

}  // namespace hat
