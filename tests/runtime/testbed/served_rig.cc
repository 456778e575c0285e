#include "tests/runtime/testbed/served_rig.h"

#include <gtest/gtest.h>

#include <chrono>
#include <thread>
#include <utility>

#include "runtime/serve/keys/make_keys.h"

namespace hat {
namespace {

ServedOptions SmallModel() {
  SystemSpec system = FindSystem("hat");
  return {.model = "models/small",
          .plan = {.split = 2, .compute = {}, .wire = Dtype::kFloat32},
          .system = system,
          .adapter = "models/small/adapter.safetensors",
          .ends_at_end_of_text = false};
}

}  // namespace

ServedRig::ServedRig(Options options) : served_cloud(SmallModel()), served_device(SmallModel()) {
  MakeKeys(folder_ / "keys", {.devices = NumberedDevices(options.devices)});
  keys_ = std::make_unique<CloudKeys>(ReadCloudKeys(folder_ / "keys/cloud"));
  program_ = std::make_unique<CloudProgram>(CloudProgram::Setup{
      .world = world_,
      .served = served_cloud,
      .keys = *keys_,
      .listen = "127.0.0.1:0",
      .config = {.replicas = 1, .stages = 1, .token_budget = 512, .kv_tokens = 20'000},
      .paces = {&pace_},
      .observer = nobody_,
      .max_sessions = options.max_sessions,
      .session_positions = served_cloud.config().max_positions,
      .downlink = [this](int) { return PlainLink(served_cloud.agreement()); },
      .log = std::move(options.log)});
}

ServedRig::~ServedRig() {
  program_->Stop(Seconds(0));
  world_.Join();
}

DeviceKeys ServedRig::KeysOf(int device) const {
  return ReadDeviceKeys(folder_ / ("keys/device-" + std::to_string(device)));
}

std::vector<int32_t> ServedRig::Answer(int number, const std::vector<int32_t>& prompt,
                                       int output_tokens, const std::function<void()>& meanwhile) {
  const DeviceKeys keys = KeysOf(number);
  ThreadWorld world;
  std::vector<int32_t> output;
  Observer told;
  LockedObserver observer(told);
  ConstantPace pace;
  DeviceProgram device(
      {.world = world,
       .served = served_device,
       .keys = keys,
       .cloud = address(),
       .pace = pace,
       .observer = observer,
       .device = number,
       .uplink = PlainLink(served_device.agreement()),
       .prompt = [&prompt](const Request&) { return prompt; },
       .on_end =
           [&output](const Request&, const SessionTokens& tokens, const SessionEnd& end) {
             EXPECT_EQ(end.reason, "");
             output = tokens.output;
           }});
  Request request;
  request.prompt_tokens = static_cast<int>(prompt.size());
  request.output_tokens = output_tokens;
  device.OnArrival(request);
  meanwhile();
  world.Join();
  device.Stop();
  return output;
}

bool ServedRig::Eventually(const std::function<bool()>& holds) {
  for (int i = 0; i < 6000; ++i) {
    if (holds()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return false;
}

}  // namespace hat
