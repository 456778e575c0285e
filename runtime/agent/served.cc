#include "runtime/agent/served.h"

#include <string>

#include <ATen/ATen.h>

#include "core/error.h"
#include "core/files.h"
#include "runtime/session/cloud_compute.h"
#include "runtime/session/device_compute.h"
#include "runtime/session/split_parts.h"

namespace hat {
namespace {

Agreement AgreementOf(const ServedOptions& options, const ModelConfig& config) {
  const bool imitates = options.frame_hidden > 0;
  return {.system = options.system,
          .hidden = imitates ? options.frame_hidden : config.shape.hidden,
          .dtype = imitates ? options.frame_dtype : options.plan.wire,
          .stages = options.stages};
}

}  // namespace

std::string SystemSha256(const SystemSpec& system) {
  const PolicyOptions& options = system.options;
  std::string text = system.name;
  const auto add = [&text](const std::string& value) { text += "\n" + value; };
  for (const bool flag : {system.has_device_layers, system.has_cloud, system.drafts_trees,
                          system.returns_tokens, system.draft_ahead, system.return_all_positions}) {
    add(flag ? "1" : "0");
  }
  for (const std::string& part :
       {system.chunking, system.drafting, system.drafter, system.prefill_cut, options.tree}) {
    add(part);
  }
  for (const int number :
       {options.chunk_min, options.chunk_max, options.chunk_initial, options.chunk_fixed,
        options.max_draft, options.draft_fixed, options.ahead_branches, options.cut_tokens}) {
    add(std::to_string(number));
  }
  add(std::to_string(options.draft_threshold));
  return Sha256Hex(text);
}

ServedModel::ServedModel(const ServedOptions& options, const ModelConfig& config,
                         const std::string& id)
    : options_(options),
      config_(config),
      agreement_(AgreementOf(options, config)),
      handshake_{.model_sha256 = id,
                 .split = options.plan.split,
                 .dtype = agreement_.dtype,
                 .hidden = agreement_.hidden,
                 .system_sha256 = SystemSha256(options.system)} {
  CheckSplitSystem(options.system, options.plan, options.stages, config);
}

ServedCloud::ServedCloud(const ServedOptions& options)
    : ServedCloud(options, OpenModel(options.model)) {}
ServedCloud::ServedCloud(const ServedOptions& options, const Model& model)
    : ServedModel(options, model.config, model.id),
      cloud_(std::make_unique<CloudModel>(model, options.plan.split, options.stages,
                                          options.plan.compute, options.plan.wire,
                                          options.state_bytes())) {}
ServedCloud::~ServedCloud() = default;

std::unique_ptr<CloudCompute> ServedCloud::MakeCompute(int session_positions, World& world,
                                                       StagePace& pace) const {
  const int slots = session_positions + ExtraSlots(options().system);
  return std::make_unique<LiveCloudCompute>(*cloud_, slots, world, pace);
}

ServedDevice::ServedDevice(const ServedOptions& options)
    : ServedDevice(options, OpenModel(options.model)) {}
ServedDevice::ServedDevice(const ServedOptions& options, const Model& model)
    : ServedModel(options, model.config, model.id),
      device_(std::make_unique<DeviceModel>(MakeDeviceModel(model, options.system, options.plan,
                                                            options.adapter, options.medusa,
                                                            options.state_bytes()))),
      near_(options.plan.compute.dtype, options.plan.wire, options.system.options.draft_threshold),
      policies_(options.system) {
  if (options.ends_at_end_of_text) end_tokens_ = model.config.eos_tokens;
}
ServedDevice::~ServedDevice() = default;

std::unique_ptr<DeviceCompute> ServedDevice::MakeCompute(const Request& request, ComputeQueue& gpu,
                                                         DevicePace& pace,
                                                         SessionTokens& tokens) const {
  const int slots = request.prompt_tokens + request.output_tokens + ExtraSlots(options().system);
  const LiveDevice device{*device_, gpu, pace, near_, end_tokens_};
  return std::make_unique<LiveDeviceCompute>(device, request.id, slots, tokens);
}

}  // namespace hat
