#include "runtime/convert/torch_folder.h"

#include <caffe2/serialize/inline_container.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "core/error.h"
#include "core/files.h"
#include "core/mapped_file.h"
#include "core/strict_json.h"
#include "runtime/convert/gguf_file.h"
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

bool IsRowMajor(const PickledTensor& tensor) {
  int64_t stride = 1;
  for (size_t i = tensor.shape.size(); i-- > 0; stride *= tensor.shape[i]) {
    if (tensor.shape[i] != 1 && tensor.strides[i] != stride) return false;
  }
  return true;
}

GgufType GgufTypeOf(StoredType type) {
  return type == StoredType::kFloat32   ? GgufType::kF32
         : type == StoredType::kFloat16 ? GgufType::kF16
                                        : GgufType::kBf16;
}

}  // namespace

// A file of torch.save: a zip of a pickle and the storages that it names.
class TorchArchive {
 public:
  explicit TorchArchive(const std::string& path) : path_(path) {
    const MappedFile readable(path);  // or the reason why not
    try {
      reader_ = std::make_unique<caffe2::serialize::PyTorchStreamReader>(path);
    } catch (const std::exception&) {
      throw InputError(path + ": no archive of torch.save (of torch 1.6 or newer), or cut off");
    }
    const auto [pickle, bytes] = Record("data.pkl");
    tensors_ = ReadPickledTensors({static_cast<const char*>(pickle.get()), bytes}, path);
  }

  const std::string& path() const { return path_; }
  const std::map<std::string, PickledTensor>& tensors() const { return tensors_; }

  void Read(const PickledTensor& tensor, const std::string& name, std::span<float> values) const {
    const auto [storage, bytes] = Record("data/" + tensor.storage);
    const auto each = static_cast<size_t>(BytesPerElement(tensor.type));
    const auto offset = static_cast<size_t>(tensor.offset);
    if (offset > bytes / each || values.size() > bytes / each - offset) {
      throw InputError(path_ + ": '" + name + "' reaches beyond its storage");
    }
    const auto* const begin = static_cast<const std::byte*>(storage.get()) + offset * each;
    if (tensor.type == StoredType::kFloat64) {
      for (size_t i = 0; i < values.size(); ++i) {
        double value = 0;
        std::memcpy(&value, begin + i * each, sizeof value);
        values[i] = static_cast<float>(value);
      }
      return;
    }
    const auto count = static_cast<int64_t>(values.size());
    Dequantize({GgufTypeOf(tensor.type), {count}, {begin, values.size() * each}}, 0, values);
  }

 private:
  std::tuple<at::DataPtr, size_t> Record(const std::string& name) const {
    try {
      return reader_->getRecord(name);
    } catch (const std::exception&) {
      throw InputError(path_ + ": cut off, or no archive of torch.save: it has no record '" + name +
                       "'");
    }
  }

  std::string path_;
  std::unique_ptr<caffe2::serialize::PyTorchStreamReader> reader_;
  std::map<std::string, PickledTensor> tensors_;
};

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
    if (!IsRowMajor(tensor)) throw InputError(where + " is not stored row by row");
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
  const Source& source = sources_.at(name);
  source.archive->Read(source.tensor, name, values);
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
