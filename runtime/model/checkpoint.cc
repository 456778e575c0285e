#include "runtime/model/checkpoint.h"

#include <algorithm>
#include <filesystem>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/error.h"
#include "core/files.h"
#include "core/strict_json.h"

namespace hat {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr const char* kWhole = "model.safetensors";
constexpr const char* kIndex = "model.safetensors.index.json";
constexpr size_t kSampleBytes = 256;  // of a tensor's start and end, in the fingerprint

// Tensors that checkpoints have and no number depends on.
bool IsIgnored(const std::string& name, const ModelShape& shape) {
  return name.ends_with(".rotary_emb.inv_freq") ||  // follows from the config
         (name == "lm_head.weight" && shape.tied_embeddings);
}

// What there is of weights in another form, and what to do about it; empty: nothing.
std::string WeightsInstead(const std::string& folder) {
  std::vector<std::string> found;
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, error)) {
    const fs::path name = entry.path().filename();
    const std::string ending = name.extension();
    if (ending == ".bin" || ending == ".gguf" || ending == ".pth" || ending == ".pt") {
      found.push_back(name);
    }
  }
  if (found.empty()) return "";
  std::ranges::sort(found);
  return fmt::format(
      ", but {}: 'hat model import' makes safetensors of a .gguf and of pytorch_model*.bin",
      found.front());
}

// The name of a tensor -> the shard that has it, as the index says.
std::map<std::string, std::string> ReadIndex(const std::string& path) {
  const json document = ParseJson(ReadFile(path), path);
  const JsonNode map = JsonNode(document, path).At("weight_map");
  std::map<std::string, std::string> shards;
  for (const std::string& name : map.Keys()) {
    const std::string shard = map.At(name).String();
    if (shard.empty() || fs::path(shard).filename() != shard) {
      map.At(name).Fail(
          fmt::format("must be the name of a file in the same folder, got \"{}\"", shard));
    }
    shards[name] = shard;
  }
  return shards;
}

void CheckTensor(const std::string& name, const Checkpoint::Located& located,
                 const std::vector<int64_t>& shape) {
  const StoredTensor& tensor = *located.tensor;
  if (tensor.shape != shape) {
    throw InputError(fmt::format("{}: '{}' has the shape [{}], config.json makes it [{}]",
                                 located.file->path(), name, fmt::join(tensor.shape, ", "),
                                 fmt::join(shape, ", ")));
  }
  if (tensor.type > StoredType::kBfloat16) {
    throw InputError(fmt::format("{}: '{}' must be F64, F32, F16 or BF16, got {}",
                                 located.file->path(), name, Name(tensor.type)));
  }
}

std::string_view Text(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// Of a tensor in a hash, before its bytes.
std::string Heading(const std::string& name, const StoredTensor& tensor) {
  return fmt::format("\n{} {} [{}] ", name, Name(tensor.type), fmt::join(tensor.shape, ","));
}

}  // namespace

std::map<std::string, std::vector<int64_t>> TensorShapes(const ModelConfig& config) {
  const ModelShape& shape = config.shape;
  const int64_t hidden = shape.hidden;
  std::map<std::string, std::vector<int64_t>> shapes = {
      {"model.embed_tokens.weight", {shape.vocabulary, hidden}}, {"model.norm.weight", {hidden}}};
  if (!shape.tied_embeddings) shapes["lm_head.weight"] = {shape.vocabulary, hidden};
  for (int i = 0; i < shape.layer_count(); ++i) {
    const LayerShape& layer = shape.layers[static_cast<size_t>(i)];
    const int64_t ffn = layer.ffn;
    const int64_t q = int64_t{layer.heads} * layer.head_dim;
    const int64_t kv = int64_t{layer.kv_heads} * layer.head_dim;
    const std::string name = fmt::format("model.layers.{}.", i);
    shapes[name + "input_layernorm.weight"] = {hidden};
    shapes[name + "post_attention_layernorm.weight"] = {hidden};
    shapes[name + "self_attn.q_proj.weight"] = {q, hidden};
    shapes[name + "self_attn.k_proj.weight"] = {kv, hidden};
    shapes[name + "self_attn.v_proj.weight"] = {kv, hidden};
    shapes[name + "self_attn.o_proj.weight"] = {hidden, q};
    if (config.has_qkv_bias) {
      shapes[name + "self_attn.q_proj.bias"] = {q};
      shapes[name + "self_attn.k_proj.bias"] = {kv};
      shapes[name + "self_attn.v_proj.bias"] = {kv};
    }
    if (config.has_qk_norm) {
      shapes[name + "self_attn.q_norm.weight"] = {layer.head_dim};
      shapes[name + "self_attn.k_norm.weight"] = {layer.head_dim};
    }
    shapes[name + "mlp.gate_proj.weight"] = {ffn, hidden};
    shapes[name + "mlp.up_proj.weight"] = {ffn, hidden};
    shapes[name + "mlp.down_proj.weight"] = {hidden, ffn};
  }
  return shapes;
}

Checkpoint::Checkpoint(const std::string& folder)
    : folder_(folder), config_(ReadModelConfig(folder)) {
  OpenFiles();
  const auto shapes = TensorShapes(config_);
  for (const auto& [name, located] : tensors_) {
    if (!shapes.contains(name)) {
      throw InputError(fmt::format("{}: has '{}', which a model of this config.json does not",
                                   located.file->path(), name));
    }
  }
  for (const auto& [name, shape] : shapes) {
    if (!tensors_.contains(name)) {
      throw InputError(fmt::format("{}: '{}' is missing from the weights", folder_, name));
    }
    CheckTensor(name, tensors_.at(name), shape);
  }
}

void Checkpoint::OpenFiles() {
  const std::string index = folder_ + "/" + kIndex;
  const bool has_whole = IsThere(folder_ + "/" + kWhole);
  if (has_whole && IsThere(index)) {
    throw InputError(
        fmt::format("{}: has both {} and {}: one of them is left from an earlier save, "
                    "and is to be removed",
                    folder_, kWhole, kIndex));
  }
  if (has_whole) {
    AddFile(kWhole);
  } else if (IsThere(index)) {
    const auto shards = ReadIndex(index);
    for (const auto& [name, shard] : shards) {
      if (!files_.contains(shard)) AddFile(shard);
      if (!files_.at(shard)->tensors().contains(name)) {
        throw InputError(fmt::format("{}: '{}' is not in '{}'", index, name, shard));
      }
    }
    for (const auto& [name, located] : tensors_) {
      if (!shards.contains(name)) {
        throw InputError(
            fmt::format("{}: does not list '{}' of '{}'", index, name, located.file->path()));
      }
    }
  } else {
    throw InputError(fmt::format("{}: has neither {} nor {}{}", folder_, kWhole, kIndex,
                                 WeightsInstead(folder_)));
  }
}

void Checkpoint::AddFile(const std::string& file_name) {
  auto file = std::make_unique<SafetensorsFile>(folder_ + "/" + file_name);
  for (const auto& [name, tensor] : file->tensors()) {
    if (IsIgnored(name, config_.shape)) continue;
    const auto [place, is_new] = tensors_.emplace(name, Located{&tensor, file.get()});
    if (!is_new) {
      throw InputError(fmt::format("{}: '{}' stands in '{}' too", file->path(), name,
                                   place->second.file->path()));
    }
  }
  files_[file_name] = std::move(file);
}

const Checkpoint::Located& Checkpoint::Find(const std::string& name) const {
  const auto found = tensors_.find(name);
  HAT_CHECK(found != tensors_.end(), name);
  return found->second;
}

std::string Checkpoint::Fingerprint() const {
  std::string text = NumbersOf(config_);
  for (const auto& [name, located] : tensors_) {
    const StoredTensor& tensor = *located.tensor;
    const size_t sample = std::min(kSampleBytes, tensor.bytes.size());
    text += Heading(name, tensor);
    text += Text(tensor.bytes.first(sample));
    text += Text(tensor.bytes.last(sample));
  }
  return Sha256Hex(text);
}

std::string Checkpoint::Sha256() const {
  std::string text = NumbersOf(config_);
  for (const auto& [name, located] : tensors_) {
    text += Heading(name, *located.tensor) + Sha256Hex(Text(located.tensor->bytes));
    located.file->Release(located.tensor->bytes);
  }
  return Sha256Hex(text);
}

std::string NumbersOf(const ModelConfig& config) {
  const RopeScaling& rope = config.rope_scaling;
  std::string text =
      fmt::format("{}; eps {}; theta {}; scaling {} {} {} {} {}", Describe(config.shape),
                  config.norm_eps, config.rope_theta, static_cast<int>(rope.kind), rope.factor,
                  rope.low_freq_factor, rope.high_freq_factor, rope.original_positions);
  if (config.has_qkv_bias) text += "; biases of q, k, v";
  if (config.has_qk_norm) text += "; norms of q, k";
  if (!config.unrotated_layers.empty()) {
    text += fmt::format("; not rotated {}", fmt::join(config.unrotated_layers, ","));
  }
  return text;
}

}  // namespace hat
