#include "runtime/convert/torch_folder.h"

#include <utility>

#include "core/error.h"
#include "core/files.h"
#include "core/strict_json.h"
#include "runtime/convert/torch_archive.h"
#include "runtime/model/checkpoint.h"

namespace hat {
namespace {

constexpr const char* kWhole = "pytorch_model.bin";
constexpr const char* kIndex = "pytorch_model.bin.index.json";
// What else of a checkpoint's folder belongs to the model.
constexpr const char* kBeside[] = {"generation_config.json",  "tokenizer.json",
                                   "tokenizer.model",         "tokenizer_config.json",
                                   "special_tokens_map.json", "chat_template.jinja"};

std::string ShapeText(const std::vector<int64_t>& shape) {
  std::string text;
  for (const int64_t extent : shape) text += (text.empty() ? "" : ", ") + std::to_string(extent);
  return "[" + text + "]";
}

}  // namespace

TorchFolder::TorchFolder(const std::string& folder)
    : folder_(folder), config_(ReadModelConfig(folder)) {
  if (IsThere(folder + "/" + kWhole)) {
    AddFile(kWhole);
  } else {
    const std::string path = folder + "/" + kIndex;
    const nlohmann::json document = ParseJson(ReadFile(path), path);
    const JsonNode map = JsonNode(document, path).At("weight_map");
    for (const std::string& name : map.Keys()) {
      const std::string shard = map.At(name).String();
      if (shard.empty() || shard.find('/') != std::string::npos) {
        map.At(name).Fail("must be the name of a file in the same folder");
      }
      if (!archives_.contains(shard)) AddFile(shard);
    }
  }
  for (const auto& [name, shape] : TensorShapes(config_)) {
    const auto found = sources_.find(name);
    if (found == sources_.end())
      throw InputError(folder + ": '" + name + "' is missing from the weights");
    const PickledTensor& tensor = found->second.tensor;
    const std::string where = found->second.archive->path() + ": '" + name + "'";
    if (tensor.shape != shape) {
      throw InputError(where + " has the shape " + ShapeText(tensor.shape) +
                       ", config.json makes it " + ShapeText(shape));
    }
    if (tensor.type > StoredType::kBfloat16) {
      throw InputError(where + " must be F64, F32, F16 or BF16, got " + Name(tensor.type));
    }
  }
}

TorchFolder::~TorchFolder() = default;

void TorchFolder::AddFile(const std::string& file) {
  auto archive = std::make_unique<TorchArchive>(folder_ + "/" + file);
  for (const auto& [name, tensor] : archive->tensors()) {
    if (!sources_.emplace(name, Source{archive.get(), tensor}).second) {
      throw InputError(archive->path() + ": '" + name + "' stands in another file too");
    }
  }
  archives_[file] = std::move(archive);
}

Dtype TorchFolder::widest() const {
  bool is_half = false, is_bf16 = false;
  for (const auto& [name, shape] : TensorShapes(config_)) {
    const StoredType type = sources_.at(name).tensor.type;
    is_half = is_half || type == StoredType::kFloat16;
    is_bf16 = is_bf16 || type == StoredType::kBfloat16;
    if (type < StoredType::kFloat16) return Dtype::kFloat32;
  }
  if (is_half && is_bf16) return Dtype::kFloat32;
  return is_half ? Dtype::kFloat16 : Dtype::kBfloat16;
}

void TorchFolder::Read(const std::string& name, std::span<float> values) const {
  sources_.at(name).archive->Read(name, values);
}

std::map<std::string, std::string> TorchFolder::OtherFiles() const {
  std::map<std::string, std::string> files;
  for (const char* name : kBeside) {
    const std::string path = folder_ + "/" + name;
    if (IsThere(path)) files[name] = ReadFile(path);
  }
  return files;
}

bool HasTorchWeights(const std::string& folder) {
  return IsThere(folder + "/" + kWhole) || IsThere(folder + "/" + kIndex);
}

}  // namespace hat
