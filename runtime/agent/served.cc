#include "runtime/agent/served.h"

#include <string>

#include "core/error.h"
#include "core/files.h"
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
       {system.chunking, system.drafting, system.prefill_cut, options.tree}) {
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

ServedModel::ServedModel(const ServedOptions& the_options)
    : options(the_options),
      model(OpenModel(options.model)),
      agreement(AgreementOf(options, model.config)),
      handshake{.model_sha256 = model.id,
                .split = options.plan.split,
                .dtype = agreement.dtype,
                .hidden = agreement.hidden,
                .system_sha256 = SystemSha256(options.system)} {
  CheckSplitSystem(options.system, options.plan, options.stages, model.config);
}

ServedCloud::ServedCloud(const ServedOptions& the_options)
    : ServedModel(the_options),
      cloud(model, options.plan.split, options.stages, options.plan.compute, options.plan.wire,
            options.state_bytes()) {}

ServedDevice::ServedDevice(const ServedOptions& the_options)
    : ServedModel(the_options),
      device(MakeDeviceModel(model, options.system, options.plan, options.adapter, options.medusa,
                             options.state_bytes())),
      near(options.plan.compute.dtype, options.plan.wire, options.system.options.draft_threshold),
      policies(options.system) {
  if (options.ends_at_end_of_text) end_tokens = model.config.eos_tokens;
}

}  // namespace hat
