#include "tests/runtime/session/drafts.h"

#include <algorithm>

#include "runtime/model/likeliest.h"
#include "runtime/session/lookup_drafter.h"
#include "runtime/session/states.h"

namespace hat {
namespace {

class DampedSource : public WeightSource {
 public:
  DampedSource(const Model& model, int first, double factor)
      : source_(model.weights), factor_(factor) {
    for (int layer = first; layer < model.config.shape.layer_count(); ++layer) {
      const std::string prefix = "model.layers." + std::to_string(layer);
      names_.push_back(prefix + ".self_attn.o_proj.weight");
      names_.push_back(prefix + ".mlp.down_proj.weight");
    }
  }
  at::Tensor Load(const std::string& name, const std::vector<int64_t>& shape,
                  const Compute& compute) const override {
    const at::Tensor tensor = source_->Load(name, shape, compute);
    return std::ranges::find(names_, name) == names_.end() ? tensor : tensor * factor_;
  }

 private:
  std::shared_ptr<const WeightSource> source_;
  double factor_;
  std::vector<std::string> names_;
};

}  // namespace

Model Damped(const Model& model, int first, double factor) {
  return {model.config, std::make_shared<DampedSource>(model, first, factor), model.id};
}

void WriteMildAdapter(const std::string& path, const Model& model, int split) {
  AdapterFile file = LoadAdapter("random:3", model, split);
  file.weights.attention.o = file.weights.attention.o * 0.1;
  file.model_id = model.id;
  SaveAdapter(path, file);
}

Oracle::Oracle(const Model& model, const SplitOptions& options)
    : plan_(options.plan),
      looks_up_(options.system.uses_lookup()),
      input_(model, plan_.split, plan_.compute),
      middle_(model, plan_.split, model.config.shape.layer_count(), plan_.compute),
      head_(model, plan_.compute, &input_) {
  if (!options.adapter.empty()) {
    adapter_.emplace_back(model, LoadAdapter(options.adapter, model, plan_.split), plan_.compute);
  }
  if (!options.medusa.empty()) {
    medusa_.emplace_back(model, LoadMedusa(options.medusa, model), head_, plan_.compute);
  }
}

at::Tensor Oracle::DeepState(const std::vector<int32_t>& text) const {
  const at::Tensor shallow = RoundToWire(RunAlone(input_, text), plan_.wire);
  KvCache cache = middle_.MakeCache();
  const SequencePart part{&cache, static_cast<int>(text.size()), {}};
  return RoundToWire(middle_.Forward(shallow, {&part, 1}).slice(0, -1), plan_.wire);
}

int32_t Oracle::Target(const std::vector<int32_t>& text) const {
  return GreedyTokens(head_.Logits(DeepState(text)))[0];
}

Oracle::Proposal Oracle::Propose(const std::vector<int32_t>& text) const {
  const Adapter& adapter = adapter_.at(0);
  KvCache cache = adapter.MakeCache();
  const SequencePart part{&cache, static_cast<int>(text.size()), {}};
  const at::Tensor guess = adapter.Forward(RunAlone(input_, text), {&part, 1}).slice(0, -1);
  Proposal proposal;
  proposal.logits = head_.Logits(guess);
  if (looks_up_) AddEvidence(proposal.logits[0], text, adapter.draft_temperature());
  proposal.token = GreedyTokens(proposal.logits)[0];
  proposal.confidence = Confidences(proposal.logits, adapter.draft_temperature())[0];
  return proposal;
}

at::Tensor Oracle::MedusaLogits(const std::vector<int32_t>& text) const {
  return medusa_.at(0).Logits(DeepState(text));
}

}  // namespace hat
