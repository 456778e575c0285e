#include "protocol/deployment.h"

#include <utility>

#include "core/error.h"

namespace hat {

std::unique_ptr<CloudServer> MakeCloud(CloudSide side) {
  const Agreement& agreement = side.agreement;
  return std::make_unique<CloudServer>(
      CloudServer::Setup{.world = side.world,
                         .config = side.config,
                         .system = agreement.system,
                         .limits = {.takes_trees = agreement.system.drafts_trees,
                                    .returns_tokens = agreement.system.returns_tokens,
                                    .dtype = agreement.dtype,
                                    .hidden = agreement.hidden,
                                    .carries_states = agreement.carries_states,
                                    .max_positions = side.max_positions,
                                    .max_verify = ReservedExtraTokens(agreement.system)},
                         .max_sessions = side.max_sessions,
                         .replicas = std::move(side.replicas),
                         .downlinks = side.downlinks,
                         .observer = side.observer,
                         .on_fault = std::move(side.on_fault)});
}

DevicePolicies::DevicePolicies(const SystemSpec& system)
    : chunking(MakeChunkingPolicy(system.chunking, system.options)),
      drafting(system.drafts_chains() ? MakeDraftingPolicy(system.drafting, system.options)
                                      : nullptr) {}

DeviceNode::DeviceNode(DeviceSide side)
    : monitor_(side.world),
      uplink_(std::move(side.uplink)),
      device_({.world = side.world,
               .system = side.agreement.system,
               .chunking = *side.policies.chunking,
               .drafting = side.drafting ? side.drafting : side.policies.drafting.get(),
               .monitor = monitor_,
               .uplink = *uplink_,
               .observer = side.observer,
               .device = side.device,
               .hidden = side.agreement.hidden,
               .dtype = side.agreement.dtype,
               .carries_states = side.agreement.carries_states,
               .stages = side.agreement.stages,
               .answer_timeout = side.answer_timeout},
              side.max_sessions, std::move(side.make_compute), std::move(side.on_end)) {}

Deployment::Deployment(Setup setup) : setup_(std::move(setup)), policies_(setup_.agreement.system) {
  if (setup_.replicas.empty()) return;
  cloud_ = MakeCloud({.world = setup_.world,
                      .agreement = setup_.agreement,
                      .config = setup_.cloud,
                      .replicas = setup_.replicas,
                      .downlinks = setup_.links.downlinks(),
                      .observer = setup_.observer,
                      .max_positions = setup_.max_positions,
                      .on_fault = setup_.on_fault});
}

void Deployment::Start() {
  if (cloud_) cloud_->Start();
}

void Deployment::AddDevice(int max_sessions, Device::MakeCompute make_compute,
                           Device::OnEnd on_end) {
  const int index = devices();
  auto to_cloud = [this](int device, Frame frame) { cloud_->OnFrame(device, std::move(frame)); };
  nodes_.push_back(std::make_unique<DeviceNode>(
      DeviceSide{.world = setup_.world,
                 .agreement = setup_.agreement,
                 .policies = policies_,
                 .uplink = setup_.links.AddUplink(index, std::move(to_cloud)),
                 .observer = setup_.observer,
                 .drafting = setup_.drafting,
                 .device = index,
                 .max_sessions = max_sessions,
                 .answer_timeout = setup_.answer_timeout,
                 .make_compute = std::move(make_compute),
                 .on_end = std::move(on_end)}));
  Device& device = nodes_.back()->device();
  setup_.links.AddDownlink(index,
                           [&device](int, Frame frame) { device.OnFrame(std::move(frame)); });
}

std::unique_ptr<Uplink> DedicatedLinks::AddUplink(int device, FrameReceiver to_cloud) {
  Pair pair = links_of_(device);
  return std::make_unique<DedicatedUplink>(
      world_,
      std::make_unique<DedicatedPipe>(world_, observer_, Direction::kUp, device, hidden_, pair.up,
                                      std::move(to_cloud), std::move(pair.up_delay)));
}

void DedicatedLinks::AddDownlink(int device, FrameReceiver to_device) {
  Pair pair = links_of_(device);
  downlinks_.Add(std::make_unique<DedicatedPipe>(world_, observer_, Direction::kDown, device,
                                                 hidden_, pair.down, std::move(to_device),
                                                 std::move(pair.down_delay)));
}

}  // namespace hat
