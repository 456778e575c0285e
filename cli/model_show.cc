// hat model show: what a checkpoint is, and what runs of it.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "cli/model_options.h"
#include "cli/shipped.h"
#include "cli/torch_verbs.h"
#include "core/error.h"
#include "core/files.h"
#include "runtime/model/checkpoint.h"
#include "runtime/tokenizer/tokenizer.h"

namespace hat {
namespace {

std::string ScalingOf(const RopeScaling& scaling) {
  switch (scaling.kind) {
    case RopeScaling::Kind::kNone:
      return "";
    case RopeScaling::Kind::kLinear:
      return fmt::format(", frequencies / {:g}", scaling.factor);
    case RopeScaling::Kind::kLlama3:
      return fmt::format(", low frequencies / {:g} (llama3)", scaling.factor);
  }
  return "";
}

// Of the weights' files: how many values of which type.
std::string WeightsOf(const Checkpoint& checkpoint) {
  std::map<StoredType, double> counts;
  double bytes = 0;
  for (const auto& [name, shape] : TensorShapes(checkpoint.config())) {
    const StoredTensor& tensor = *checkpoint.Find(name).tensor;
    counts[tensor.type] += double(tensor.bytes.size()) / BytesPerElement(tensor.type);
    bytes += double(tensor.bytes.size());
  }
  std::vector<std::string> parts;
  for (const auto& [type, count] : counts) {
    parts.push_back(fmt::format("{:.4g} M in {}", count / 1e6, Name(type)));
  }
  return fmt::format("{}, {:.4g} MB", fmt::join(parts, ", "), bytes / 1e6);
}

// Or why text cannot be taken; token ids can.
std::string TokenizerOf(const std::string& folder, int vocabulary) {
  const std::string path = FindTokenizerFile(folder);
  if (path.empty()) return "none: token ids only";
  try {
    const Tokenizer tokenizer(path, vocabulary);
    return fmt::format("{}, {}, {} pieces", std::filesystem::path(path).filename().string(),
                       tokenizer.kind(), tokenizer.pieces());
  } catch (const InputError& why) {
    return fmt::format("{}: token ids only", why.what());
  }
}

// A file that a drafter is in, or an empty path, and the model that it names.
std::string DrafterOf(const std::string& path, const std::string& fingerprint) {
  if (path.empty()) return "none";
  const SafetensorsFile file(path);
  const auto find = [&](const char* key) {
    const auto found = file.metadata().find(key);
    return found == file.metadata().end() ? std::string("?") : found->second;
  };
  const std::string split = find("split");
  return fmt::format("{}{}{}", std::filesystem::path(path).filename().string(),
                     split == "?" ? "" : fmt::format(", after {} layers", split),
                     find("model") == fingerprint ? "" : ", of another model: refused");
}

std::string Shown(const Checkpoint& checkpoint) {
  const ModelConfig& config = checkpoint.config();
  const std::string& folder = checkpoint.folder();
  const std::string fingerprint = checkpoint.Fingerprint();
  return fmt::format(
      "{}\n"
      "sizes        {}\n"
      "weights      {}\n"
      "positions    {}, rotary base {:g}{}\n"
      "begin, end   {}; {}\n"
      "tokenizer    {}\n"
      "adapter      {}\n"
      "Medusa heads {}\n"
      "fingerprint  {}  (adapters and Medusa heads name it)\n"
      "SHA-256      {}  (of all weights)\n",
      folder, Describe(config.shape), WeightsOf(checkpoint), config.max_positions,
      config.rope_theta, ScalingOf(config.rope_scaling),
      config.bos_token < 0 ? "none" : fmt::format("token {}", config.bos_token),
      config.eos_tokens.empty() ? "none" : fmt::format("{}", fmt::join(config.eos_tokens, ", ")),
      TokenizerOf(folder, config.shape.vocabulary),
      DrafterOf(FileOrNone("", folder, "adapter.safetensors"), fingerprint),
      DrafterOf(FileOrNone("", folder, "medusa.safetensors"), fingerprint), fingerprint,
      checkpoint.Sha256());
}

}  // namespace

int ModelShowVerb(CommandLine& line) {
  std::string folder;
  line.description(
      "Shows what a checkpoint is: its sizes, weights, tokenizer and drafters, and the hashes by "
      "which other files name it. What cannot run is refused, with the reason.");
  line.footer("Example:\n  hat model show models/small");
  line.add_option("folder", folder, "of the checkpoint: config.json, *.safetensors")
      ->required()
      ->transform(ShippedPath);
  line.Parse();
  PrintResult(Shown(Checkpoint(folder)));
  return 0;
}

}  // namespace hat
