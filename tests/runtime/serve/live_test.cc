// Devices and a cloud over real sockets: what they exchange, and who is let in.
#include <gmock/gmock.h>

#include "runtime/serve/keys/make_keys.h"
#include "runtime/serve/keys/read_keys.h"
#include "runtime/serve/wire/link_probe.h"
#include "tests/core/expect_error.h"
#include "tests/runtime/serve/live_rig.h"

namespace hat {
namespace {

using testing::AllOf;
using testing::HasSubstr;

Request MakeRequest(int id, int device, int prompt_tokens, int output_tokens) {
  Request request;
  request.id = id;
  request.device = device;
  request.prompt_tokens = prompt_tokens;
  request.output_tokens = output_tokens;
  return request;
}

int TokensOf(const Record& record, int request) {
  int tokens = 0;
  for (const auto& [count, at] : record.tokens.at(request)) tokens += count;
  return tokens;
}

void ServeOnSeveralDevices(const SystemSpec& system, std::optional<FifoLink> shape = {}) {
  constexpr int kDevices = 3, kRequests = 12;
  LiveRig rig({.system = system, .shape = shape}, kDevices);
  std::vector<std::unique_ptr<DeviceAgent>> devices;
  for (int d = 0; d < kDevices; ++d) devices.push_back(rig.Connect(d));
  for (int i = 0; i < kRequests; ++i) {
    devices[static_cast<size_t>(i % kDevices)]->OnArrival(
        MakeRequest(i, i % kDevices, 40 + 97 * i, 20 + i));
  }
  EXPECT_TRUE(LiveRig::Eventually([&] {
    return rig.observer.Locked([&] { return rig.record.ended.size() == size_t{kRequests}; });
  }));
  EXPECT_TRUE(LiveRig::Eventually([&] { return rig.cloud->load().sessions == 0; }));
  devices.clear();
  rig.cloud->Stop();
  rig.world.Join();
  EXPECT_THAT(rig.record.failures, testing::IsEmpty());
  EXPECT_THAT(rig.record.refused, testing::IsEmpty());
  for (int i = 0; i < kRequests; ++i) EXPECT_EQ(TokensOf(rig.record, i), 20 + i);
  EXPECT_EQ(rig.compute->caches(), 0U);
}

TEST(LiveTest, EverySystemServesOverSockets) {
  for (const char* name : {"u-shape", "u-sarathi", "u-medusa", "hat"}) {
    SCOPED_TRACE(name);
    ServeOnSeveralDevices(FindSystem(name));
  }
}

TEST(LiveTest, FramesOfAShapedLinkAreNeverEarly) {
  const FifoLink link(BytesPerSecond(7.5e6), Milliseconds(2), 1);
  LiveRig rig({.shape = link});
  std::unique_ptr<DeviceAgent> device = rig.Connect(0);
  device->OnArrival(MakeRequest(0, 0, 400, 30));
  EXPECT_TRUE(LiveRig::Eventually(
      [&] { return rig.observer.Locked([&] { return !rig.record.ended.empty(); }); }));
  device.reset();
  rig.cloud->Stop();
  rig.world.Join();
  const std::vector<double> late = rig.lateness.Samples();
  EXPECT_GT(late.size(), 20U);
  for (const double s : late) EXPECT_GT(s, -1e-6);
  for (const FrameEvent& frame : rig.record.frames) {
    EXPECT_NEAR((frame.left - frame.start).value(), frame.size.value() / 7.5e6, 1e-9);
    EXPECT_GE((frame.arrived - frame.left).value(), 0.002 - 1e-6);
  }
}

// Frames that arrive later than the ones behind them would: their pieces stay in order.
TEST(LiveTest, FramesOfARadioLinkAreAsLateAsItSays) {
  const RadioDelay radio(
      {.jitter = Milliseconds(8), .stall_every = Seconds(0.2), .stall = Milliseconds(40)},
      RngStream(1, "radio"));
  ServeOnSeveralDevices(FindSystem("hat"),
                        FifoLink(BytesPerSecond(2e7), Milliseconds(1), 1, {.radio = radio}));
}

// -- who is let in

TEST(LiveTest, AnotherModelIsRefusedWithBothHashes) {
  LiveRig rig;
  EXPECT_RUN_ERROR(
      rig.Connect(0,
                  [](auto& setup) { setup.link.wire.hello.model_sha256 = std::string(64, 'c'); }),
      AllOf(HasSubstr("another model"), HasSubstr(std::string(64, 'a')),
            HasSubstr(std::string(64, 'c'))));
  EXPECT_TRUE(rig.HasLogged("device-0: another model"));
}

TEST(LiveTest, AnotherSplitDtypeWidthOrSystemIsRefused) {
  LiveRig rig;
  EXPECT_RUN_ERROR(rig.Connect(0, [](auto& setup) { setup.link.wire.hello.split = 3; }),
                   HasSubstr("another split: the cloud has 2, the device 3"));
  EXPECT_RUN_ERROR(rig.Connect(0, [](auto& s) { s.link.wire.hello.dtype = Dtype::kFloat32; }),
                   HasSubstr("the cloud has fp16, the device fp32"));
  EXPECT_RUN_ERROR(rig.Connect(0, [](auto& setup) { setup.link.wire.hello.hidden = 4; }),
                   HasSubstr("the cloud has 512, the device 4"));
  EXPECT_RUN_ERROR(
      rig.Connect(0, [](auto& s) { s.link.wire.hello.system_sha256 = std::string(64, 'd'); }),
      HasSubstr("another system"));
}

TEST(LiveTest, AnUnknownTokenAndAnotherDevicesTokenAreRefused) {
  LiveRig rig({}, 2);
  EXPECT_RUN_ERROR(rig.Connect(0, [](auto& s) { s.link.wire.token = std::string(64, '0'); }),
                   HasSubstr("'device-0' has no token that is known here"));
  const std::string token = rig.WireOf(1).token;
  EXPECT_RUN_ERROR(rig.Connect(0, [&](auto& setup) { setup.link.wire.token = token; }),
                   HasSubstr("'device-0' has the token of 'device-1'"));
  EXPECT_TRUE(rig.HasLogged("refused"));
}

TEST(LiveTest, APeerOfAnotherCaIsRefusedOnBothSides) {
  LiveRig rig;
  MakeKeys(rig.folder / "others", {.devices = {"device-0"}});
  const DeviceKeys others = ReadDeviceKeys(rig.folder / "others/device-0");
  EXPECT_RUN_ERROR(rig.Connect(0,
                               [&](auto& setup) {
                                 setup.link.wire.tls.ca = others.ca_pem;
                                 setup.link.wire.timeout_s = 3;
                               }),
                   HasSubstr("another CA"));
  EXPECT_RUN_ERROR(rig.Connect(0,
                               [&](auto& setup) {
                                 setup.link.wire.tls.certificate = others.certificate_pem;
                                 setup.link.wire.tls.key = others.key_pem;
                                 setup.link.wire.timeout_s = 3;
                               }),
                   HasSubstr("cloud at"));
  EXPECT_TRUE(LiveRig::Eventually([&] { return rig.HasLogged("another CA"); }));
}

TEST(LiveTest, NobodyAtTheAddressIsOneLine) {
  LiveRig rig;
  EXPECT_RUN_ERROR(rig.Connect(0,
                               [](auto& setup) {
                                 setup.link.wire.cloud = "127.0.0.1:1";
                                 setup.link.wire.timeout_s = 0.3;
                               }),
                   HasSubstr("no cloud answers at '127.0.0.1:1' within 0.3 s"));
}

TEST(LiveTest, APortInUseIsOneLine) {
  LiveRig rig;
  WireServer::Setup setup;
  setup.listen = "127.0.0.1:" + std::to_string(rig.cloud->port());
  const CloudKeys keys = ReadCloudKeys(rig.folder / "keys/cloud");
  setup.tls = {keys.ca_pem, keys.certificate_pem, keys.key_pem};
  EXPECT_INPUT_ERROR(WireServer{setup}, HasSubstr("its port is in use"));
}

// -- probes of the way

LinkProbe::Setup ProbeOf(const LiveRig& rig) {
  const WireClient::Setup wire = rig.WireOf(0);
  return {.cloud = wire.cloud, .tls = wire.tls, .token = wire.token};
}

TEST(LiveTest, TheWayIsMeasuredWithoutASession) {
  LiveRig rig;
  LinkProbe probe(ProbeOf(rig));
  EXPECT_GT(probe.RoundTrip().value(), 0);
  EXPECT_GT(probe.RoundTrip(kPieceBytes, kPieceBytes).value(), 0);
  for (const auto& transfer :
       {probe.Upload(Milliseconds(100)), probe.Download(Milliseconds(100))}) {
    EXPECT_GE(transfer.lasted.value(), 0.1);
    EXPECT_GE(transfer.bytes, 8.0 * kPieceBytes);
  }
  EXPECT_TRUE(rig.cloud->devices().empty());
}

TEST(LiveTest, AProbeThatAsksForTooMuchIsRefused) {
  LiveRig rig;
  LinkProbe probe(ProbeOf(rig));
  EXPECT_RUN_ERROR(probe.RoundTrip(0, kPieceBytes + 1),
                   HasSubstr("a probe that asks for 32769 bytes; at most 32768"));
}

TEST(LiveTest, AnUnknownTokenMayNotProbe) {
  LiveRig rig;
  LinkProbe::Setup setup = ProbeOf(rig);
  setup.token = std::string(64, '0');
  LinkProbe probe(setup);
  EXPECT_RUN_ERROR(probe.RoundTrip(), HasSubstr("has no token that is known here"));
}

// -- what happens when one is gone

TEST(LiveTest, AVanishedCloudFailsItsRequestsWithAReason) {
  LiveRig rig;
  std::unique_ptr<DeviceAgent> device = rig.Connect(0);
  device->OnArrival(MakeRequest(0, 0, 100, 50'000));
  EXPECT_TRUE(LiveRig::Eventually(
      [&] { return rig.observer.Locked([&] { return rig.record.tokens.contains(0); }); }));
  rig.cloud->Stop();
  EXPECT_TRUE(LiveRig::Eventually(
      [&] { return rig.observer.Locked([&] { return rig.record.ended.contains(0); }); }));
  EXPECT_TRUE(device->lost());
  rig.world.Join();
  EXPECT_THAT(rig.record.failures.at(0), HasSubstr("the stream to the cloud has ended"));
}

TEST(LiveTest, AVanishedDeviceLeavesNothingInTheCloud) {
  LiveRig rig({}, 2);
  {
    std::unique_ptr<DeviceAgent> device = rig.Connect(0);
    device->OnArrival(MakeRequest(0, 0, 100, 50'000));
    EXPECT_TRUE(LiveRig::Eventually([&] { return rig.cloud->load().kv_tokens > 0; }));
    std::unique_ptr<DeviceAgent> same = rig.Connect(0);  // takes its place
    EXPECT_TRUE(LiveRig::Eventually([&] { return rig.cloud->load().kv_tokens == 0; }));
    EXPECT_TRUE(LiveRig::Eventually([&] { return device->lost().has_value(); }));
    EXPECT_TRUE(LiveRig::Eventually(
        [&] { return rig.observer.Locked([&] { return rig.record.ended.contains(0); }); }));
  }
  EXPECT_TRUE(LiveRig::Eventually([&] { return rig.cloud->devices().empty(); }));
  EXPECT_TRUE(rig.HasLogged("device 0 has gone: the device has opened another stream"));
}

}  // namespace
}  // namespace hat
