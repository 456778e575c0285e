#include "tests/runtime/trace/drafted_folder.h"

#include "core/files.h"
#include "core/random.h"
#include "runtime/model/medusa.h"
#include "tests/runtime/session/drafts.h"

namespace hat {

DraftedFolder::DraftedFolder(int prompts, int vocabulary) {
  ModelConfig config = TinyConfig(2);
  config.shape.layers.resize(4, config.shape.layers[0]);
  config.shape.vocabulary = vocabulary;
  config.max_positions = 128;
  config.bos_token = 1;
  config.eos_tokens = {2};  // drafts go on after it
  WriteModel(path(), Damped(RandomModel(config, 2), 1, 0.5), Dtype::kFloat32);
  const Model model = OpenModel(path());
  WriteMildAdapter(folder_ / "adapter.safetensors", model, 1);
  AdapterFile adapter = LoadAdapter(folder_ / "adapter.safetensors", model, 1);
  adapter.draft_temperature = 0.5;  // spreads the confidences
  SaveAdapter(folder_ / "adapter.safetensors", adapter);
  MedusaFile medusa = LoadMedusa("random:5", model);
  medusa.model_id = model.id;
  SaveMedusa(folder_ / "medusa.safetensors", medusa);
  model_ = {path(), folder_ / "adapter.safetensors", folder_ / "medusa.safetensors", 1};

  RngStream lengths(1, "lengths");
  std::vector<Prompt> rows;
  for (int row = 0; row < prompts; ++row) {
    rows.push_back({"random", RandomIds(static_cast<uint64_t>(row) + 1, 1 + lengths.UniformInt(60),
                                        vocabulary)});
  }
  WriteFileAtomically(folder_ / "prompts.csv", PromptFileText(rows));
  prompts_ = LoadPrompts(folder_ / "prompts.csv", PromptLimitsOf(model.config, 32));
}

}  // namespace hat
