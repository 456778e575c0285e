#include "runtime/trace/trace_recording.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <filesystem>
#include <utility>

#include "core/error.h"
#include "core/files.h"
#include "runtime/model/checkpoint.h"
#include "runtime/model/tensor_file.h"
#include "runtime/session/whole_model.h"
#include "runtime/trace/draft_recorder.h"

namespace hat {
namespace {

constexpr size_t kLargestDrafter = size_t{1} << 36;  // bytes

std::string HashOf(const std::string& file_or_random) {
  if (file_or_random.empty()) return "none";
  return RandomSeed(file_or_random) ? file_or_random
                                    : Sha256Hex(ReadFile(file_or_random, kLargestDrafter));
}

// The folder's name, for people.
std::string NameOf(const std::string& folder) {
  const std::filesystem::path path = std::filesystem::absolute(folder).lexically_normal();
  return path.has_filename() ? path.filename() : path.parent_path().filename();
}

}  // namespace

std::string WeightsSha256(const DraftedModel& model) {
  std::string text = Checkpoint(model.folder).Sha256() + "\nadapter " +
                     HashOf(model.uses_adapter() ? model.adapter : "") + "\nmedusa " +
                     HashOf(model.medusa) + "\nsplit " + std::to_string(model.split);
  if (model.uses_lookup()) text += "\ndrafter " + model.drafter;
  return Sha256Hex(text);
}

PromptLimits PromptLimitsOf(const ModelConfig& config, int output_tokens) {
  if (output_tokens > config.max_positions) {
    throw InputError("the model has " + std::to_string(config.max_positions) +
                     " positions: too few for " + std::to_string(output_tokens) + " new tokens");
  }
  return {config.shape.vocabulary, config.max_positions - output_tokens + 1};
}

std::optional<DraftTrace> RecordTrace(const TraceRecording& recording, const PromptFile& prompts,
                                      const RecordingWatch& watch) {
  const DraftedModel& files = recording.model;
  CheckCompute(recording.compute);
  const Model model = OpenModel(files.folder);
  CheckSplit({files.split, recording.compute, Dtype::kFloat32}, model.config);
  std::optional<AdapterFile> adapter;
  if (files.uses_adapter()) adapter = LoadAdapter(files.adapter, model, files.split);
  std::optional<MedusaFile> medusa;
  if (!files.medusa.empty()) medusa = LoadMedusa(files.medusa, model);
  if (!adapter && !medusa && !files.uses_lookup()) {
    throw InputError("neither an adapter nor Medusa heads: there are no drafts to record");
  }
  const DraftRecorder recorder(model, adapter ? &*adapter : nullptr, medusa ? &*medusa : nullptr,
                               files.split, recording.compute, files.uses_lookup());
  DraftTraceInfo info;
  info.model = NameOf(files.folder);
  info.model_sha256 = WeightsSha256(files);
  info.prompts_sha256 = prompts.sha256;
  info.output_tokens = recording.output_tokens;
  info.drafter = files.drafter;
  info.max_steps = adapter || files.uses_lookup() ? recording.max_draft + 1 : 0;
  info.medusa_heads = recorder.heads();
  DraftTrace trace(info, prompts.Lengths());
  for (int row = 0; row < trace.rows();) {
    std::vector<std::vector<int32_t>> batch;
    const int end = std::min(trace.rows(), row + recording.together);
    for (int i = row; i < end; ++i) batch.push_back(prompts.prompts[static_cast<size_t>(i)].ids);
    recorder.Record(batch, row, trace);
    row = end;
    if (!watch(row)) return std::nullopt;
  }
  return trace;
}

}  // namespace hat
