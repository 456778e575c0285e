#include "runtime/session/whole_model.h"

#include <algorithm>
#include <string>

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include "core/error.h"
#include "runtime/model/likeliest.h"
#include "runtime/session/cloud_compute.h"
#include "runtime/session/device_compute.h"
#include "runtime/session/states.h"

namespace hat {

void CheckSplit(const SplitPlan& plan, const ModelConfig& config) {
  RequireTwoLayers(config);
  const int layers = config.shape.layer_count();
  if (plan.split >= 1 && plan.split < layers) return;
  throw InputError("--split " + std::to_string(plan.split) + ": of the model's " +
                   std::to_string(layers) + " layers the device can have 1 to " +
                   std::to_string(layers - 1) + ", the cloud has the others");
}

struct WholeModel::Parts {
  Parts(const Model& model, const SplitPlan& plan)
      : config(model.config),
        device(model, plan.split, plan.DeviceCompute(), plan.wire),
        cloud(model, plan.split, 1, plan.compute, plan.wire) {}

  // Logits of the token after the last of `ids`. [1, vocabulary]
  at::Tensor Step(std::span<const int32_t> ids, KvCache& shallow_cache, KvCache& deep_cache) const {
    const at::NoGradGuard no_grad;
    const auto count = static_cast<int>(ids.size());
    const SequencePart shallow_part{&shallow_cache, count, {}};
    const SequencePart deep_part{&deep_cache, count, {}};
    const at::Tensor shallow = device.input.Forward(ids, {&shallow_part, 1});  // [ids, hidden]
    const at::Tensor deep =
        cloud.stages[0].Forward(RoundToWire(shallow, device.wire.dtype), {&deep_part, 1});
    return device.head.Logits(RoundToWire(deep.narrow(0, count - 1, 1), device.wire.dtype));
  }

  ModelConfig config;
  DeviceModel device;
  CloudModel cloud;
};

WholeModel::WholeModel(const Model& model, const SplitPlan& plan, bool ends_at_end_of_text) {
  SplitPlan cuts = plan;
  if (model.config.shape.layer_count() == 1) {
    cuts.split = 0;
  } else {
    CheckSplit(plan, model.config);
  }
  parts_ = std::make_unique<Parts>(model, cuts);
  if (!ends_at_end_of_text) parts_->config.eos_tokens.clear();
}
WholeModel::WholeModel(const std::string& folder, const SplitPlan& plan, bool ends_at_end_of_text)
    : WholeModel(OpenModel(folder), plan, ends_at_end_of_text) {}
WholeModel::~WholeModel() = default;

Generation WholeModel::Generate(const GenerationRequest& request, const TokenListener& on_tokens) {
  return WithMemoryErrors([&] { return GenerateAll(request, on_tokens); });
}

Generation WholeModel::GenerateAll(const GenerationRequest& request,
                                   const TokenListener& on_tokens) {
  CheckRequest(request, parts_->config);
  const NearTieRule near(parts_->device.compute.dtype, parts_->device.wire.dtype, 0);
  const int slots = static_cast<int>(request.prompt.size()) + request.max_new_tokens;
  KvCache shallow_cache = parts_->device.input.MakeCache(slots);
  KvCache deep_cache = parts_->cloud.stages[0].MakeCache(slots);
  const std::vector<int>& ends = parts_->config.eos_tokens;
  Generation generation;
  std::vector<int32_t> ids = request.prompt;
  for (int i = 0; i < request.max_new_tokens; ++i) {
    const at::Tensor logits = parts_->Step(ids, shallow_cache, deep_cache);
    const int candidates = std::min<int>(2, static_cast<int>(logits.size(1)));
    const std::vector<Likely> best = LikeliestTokens(logits, candidates)[0];
    if (candidates == 2 && near.IsNear(best[0].logit, best[1].logit)) {
      generation.near_ties.push_back(
          {NearTie::Decision::kToken, i, NearTieRule::Gap(best[0].logit, best[1].logit)});
    }
    ids = {best[0].token};
    generation.output_ids.push_back(ids[0]);
    if (on_tokens) on_tokens(0, ids);
    if (std::ranges::find(ends, ids[0]) != ends.end()) break;
  }
  return generation;
}

}  // namespace hat
