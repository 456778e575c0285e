#include "tests/runtime/serve/live_rig.h"

#include <algorithm>
#include <chrono>
#include <thread>

#include "runtime/serve/keys/make_keys.h"
#include "runtime/serve/keys/read_keys.h"

namespace hat {
namespace {

Handshake HandshakeOf(const LiveRigOptions& options) {
  return {.model_sha256 = std::string(64, 'a'),
          .split = 2,
          .dtype = Dtype::kFloat16,
          .hidden = options.hidden,
          .system_sha256 = std::string(64, 'b')};
}

LinkSettings LinkOf(const LiveRigOptions& options) {
  return {.hidden = options.hidden,
          .shape = options.shape,
          .lead = Milliseconds(2),
          .stamps = options.shape.has_value()};
}

}  // namespace

LiveRig::LiveRig(LiveRigOptions the_options, int devices)
    : options(std::move(the_options)),
      agreement{.system = options.system, .hidden = options.hidden},
      model_{.latency = [](DeviceOp, int tokens, int) { return Milliseconds(0.2 + 0.01 * tokens); },
             .drafter = SeededDrafter(1, 0.6),
             .medusa = [](int, int start, int head) { return 1 + (start + head) % 2; },
             .bytes_each = static_cast<size_t>(options.hidden) * 2},
      policies_(options.system) {
  MakeKeys(folder / "keys", {.devices = NumberedDevices(devices)});
  const CloudKeys keys = ReadCloudKeys(folder / "keys/cloud");
  compute = std::make_unique<LockedCloudCompute>(
      world, 1, [](int, const Batch&) { return Milliseconds(0.3); }, model_.bytes_each);
  cloud = std::make_unique<CloudService>(CloudService::Setup{
      .world = world,
      .agreement = agreement,
      .config = {.replicas = 1, .stages = 1, .token_budget = 512, .kv_tokens = 100'000},
      .replicas = {compute.get()},
      .observer = observer,
      .wire = {.listen = "127.0.0.1:0",
               .tls = {keys.ca_pem, keys.certificate_pem, keys.key_pem},
               .agreed = HandshakeOf(options),
               .silence_s = options.silence_s},
      .find_device = [tokens = keys.tokens](std::string_view token) -> std::optional<KnownPeer> {
        const std::optional<int> index = tokens.Find(token);
        if (!index) return std::nullopt;
        return KnownPeer{*index, tokens.devices()[static_cast<size_t>(*index)].name};
      },
      .downlink = [this](int) { return LinkOf(options); },
      .lateness = &lateness,
      .log =
          [this](const std::string& line) {
            const std::lock_guard lock(log_mutex);
            log.push_back(line);
          }});
}

LiveRig::~LiveRig() {
  cloud->Stop();
  world.Join();  // its stages have ended
}

WireClient::Setup LiveRig::WireOf(int device) const {
  const DeviceKeys keys = ReadDeviceKeys(folder / ("keys/device-" + std::to_string(device)));
  return {.cloud = "127.0.0.1:" + std::to_string(cloud->port()),
          .tls = {keys.ca_pem, keys.certificate_pem, keys.key_pem},
          .token = keys.token,
          .hello = HandshakeOf(options)};
}

std::unique_ptr<DeviceAgent> LiveRig::Connect(
    int device, const std::function<void(DeviceAgent::Setup&)>& change) {
  gpus_.push_back(std::make_unique<ComputeQueue>(world));
  DeviceLink::Setup link{.world = world,
                         .agreement = agreement,
                         .policies = policies_,
                         .observer = observer,
                         .device = device,
                         .make_compute =
                             [this, &gpu = *gpus_.back()](const Request& request, int) {
                               return std::make_unique<FakeDeviceCompute>(gpu, model_, request);
                             },
                         .on_end = [](const Request&, const SessionEnd&) {},
                         .wire = WireOf(device),
                         .uplink = LinkOf(options),
                         .lateness = &lateness};
  DeviceAgent::Setup setup{.link = std::move(link)};
  if (change) change(setup);
  return std::make_unique<DeviceAgent>(std::move(setup));
}

bool LiveRig::HasLogged(const std::string& text) {
  const std::lock_guard lock(log_mutex);
  return std::ranges::any_of(
      log, [&](const std::string& line) { return line.find(text) != std::string::npos; });
}

bool LiveRig::Eventually(const std::function<bool()>& holds) {
  for (int i = 0; i < 1000; ++i) {
    if (holds()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return false;
}

}  // namespace hat
