#include "runtime/model/weights.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <system_error>
#include <utility>

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include "core/error.h"
#include "core/files.h"
#include "core/random.h"
#include "runtime/model/checkpoint.h"
#include "runtime/model/torch_compute.h"

namespace hat {
namespace {

constexpr at::ScalarType kTorchTypes[] = {at::kDouble, at::kFloat, at::kHalf, at::kBFloat16,
                                          at::kLong,   at::kInt,   at::kByte};

StoredType StoredTypeOf(at::ScalarType type) {
  for (int i = 0; i < static_cast<int>(std::size(kTorchTypes)); ++i) {
    if (kTorchTypes[i] == type) return static_cast<StoredType>(i);
  }
  HAT_CHECK(false, "a tensor type that no file holds");
}

std::string ShapeText(const std::vector<int64_t>& shape) {
  std::string text;
  for (const int64_t size : shape) text += (text.empty() ? "" : ", ") + std::to_string(size);
  return "[" + text + "]";
}

// A copy of the stored bytes, in the stored type, on the CPU.
at::Tensor CopyOf(const StoredTensor& stored, const SafetensorsFile& file) {
  at::Tensor copy = at::empty(stored.shape, kTorchTypes[static_cast<int>(stored.type)]);
  file.Copy(stored, static_cast<std::byte*>(copy.data_ptr()));
  return copy;
}

// A sum is finite only if every value is; in fp64 it cannot overflow by itself. In blocks, since
// ATen copies to fp64 what it sums there.
bool IsFinite(const at::Tensor& tensor) {
  constexpr int64_t kBlock = 1 << 18;
  const at::Tensor values = tensor.reshape({-1});
  for (int64_t first = 0; first < values.numel(); first += kBlock) {
    const int64_t count = std::min(kBlock, values.numel() - first);
    const double sum = values.narrow(0, first, count).sum(at::kDouble).item<double>();
    if (!std::isfinite(sum)) return false;
  }
  return true;
}

// In the wanted type, on the wanted device; checked.
at::Tensor Convert(const at::Tensor& tensor, const Compute& compute, const std::string& where) {
  const at::Tensor converted = tensor.to(ScalarTypeOf(compute.dtype));
  if (!IsFinite(converted)) {
    const bool was_finite = IsFinite(tensor);
    throw InputError(where + (was_finite ? " has values beyond " + Name(compute.dtype)
                                         : " has a value that is NaN or infinite"));
  }
  return converted.to(DeviceOf(compute)).contiguous();
}

class CheckpointSource final : public WeightSource {
 public:
  explicit CheckpointSource(std::shared_ptr<const Checkpoint> checkpoint)
      : checkpoint_(std::move(checkpoint)) {}

  at::Tensor Load(const std::string& name, const std::vector<int64_t>& shape,
                  const Compute& compute) const override {
    const Checkpoint::Located& located = checkpoint_->Find(name);
    HAT_CHECK(located.tensor->shape == shape, name);  // the checkpoint has compared them
    return Convert(CopyOf(*located.tensor, *located.file), compute,
                   located.file->path() + ": '" + name + "'");
  }

 private:
  std::shared_ptr<const Checkpoint> checkpoint_;
};

class RandomSource final : public WeightSource {
 public:
  explicit RandomSource(uint64_t seed) : seed_(seed) {}

  at::Tensor Load(const std::string& name, const std::vector<int64_t>& shape,
                  const Compute& compute) const override {
    const double scale = shape.size() == 1                     ? 0.1
                         : name == "model.embed_tokens.weight" ? std::sqrt(3.0)
                                                               : std::sqrt(3.0 / shape[1]);
    at::Tensor tensor = RandomTensor(shape, scale, seed_, name);
    if (shape.size() == 1) tensor = tensor + 1;
    return tensor.to(OptionsOf(compute));
  }

 private:
  uint64_t seed_;
};

class MemorySource final : public WeightSource {
 public:
  explicit MemorySource(std::map<std::string, at::Tensor> tensors) : tensors_(std::move(tensors)) {}

  at::Tensor Load(const std::string& name, const std::vector<int64_t>& shape,
                  const Compute& compute) const override {
    return LoadChecked(tensors_, name, shape, compute, "");
  }

 private:
  std::map<std::string, at::Tensor> tensors_;
};

std::map<std::string, StoredTensor> StoredViews(const std::map<std::string, at::Tensor>& tensors) {
  std::map<std::string, StoredTensor> views;
  for (const auto& [name, tensor] : tensors) {
    HAT_CHECK(tensor.is_contiguous() && tensor.device().is_cpu(), name);
    views[name] = {StoredTypeOf(tensor.scalar_type()),
                   tensor.sizes().vec(),
                   {static_cast<const std::byte*>(tensor.data_ptr()), tensor.nbytes()}};
  }
  return views;
}

}  // namespace

at::Tensor LoadChecked(const std::map<std::string, at::Tensor>& tensors, const std::string& name,
                       const std::vector<int64_t>& shape, const Compute& compute,
                       const std::string& where) {
  const auto found = tensors.find(name);
  if (found == tensors.end()) throw InputError(where + "the tensor '" + name + "' is missing");
  if (found->second.sizes().vec() != shape) {
    throw InputError(where + "'" + name + "' has the shape " +
                     ShapeText(found->second.sizes().vec()) + ", wanted is " + ShapeText(shape));
  }
  return Convert(found->second.detach(), compute, where + "'" + name + "'");
}

at::Tensor RandomTensor(const std::vector<int64_t>& shape, double scale, uint64_t seed,
                        const std::string& name) {
  constexpr int64_t kBlock = 4096;  // values a stream
  const at::Tensor tensor = at::empty(shape, at::kFloat);
  auto* const values = tensor.data_ptr<float>();
  const RngStream all(seed, "weights/" + name);
  const int64_t count = tensor.numel();
  at::parallel_for(0, (count + kBlock - 1) / kBlock, 1, [&](int64_t begin, int64_t end) {
    for (int64_t block = begin; block < end; ++block) {
      RngStream stream = all.At(static_cast<uint64_t>(block));
      const int64_t stop = std::min(count, (block + 1) * kBlock);
      for (int64_t i = block * kBlock; i < stop; ++i) {
        values[i] = static_cast<float>(stream.Uniform(-scale, scale));
      }
    }
  });
  return tensor;
}

Model OpenModel(const std::string& folder) {
  const auto checkpoint = std::make_shared<const Checkpoint>(folder);
  return {checkpoint->config(), std::make_shared<CheckpointSource>(checkpoint),
          checkpoint->Fingerprint()};
}

Model RandomModel(const ModelConfig& config, uint64_t seed) {
  return {config, std::make_shared<RandomSource>(seed),
          Sha256Hex("random:" + std::to_string(seed) + " " + NumbersOf(config))};
}

Model ModelInMemory(const ModelConfig& config, std::map<std::string, at::Tensor> tensors,
                    std::string id) {
  return {config, std::make_shared<MemorySource>(std::move(tensors)), std::move(id)};
}

TensorFile ReadTensorFile(const std::string& path) {
  const SafetensorsFile file(path);
  TensorFile content;
  content.metadata = file.metadata();
  for (const auto& [name, stored] : file.tensors()) content.tensors[name] = CopyOf(stored, file);
  return content;
}

void WriteTensorFile(const std::string& path, const TensorFile& file) {
  std::map<std::string, at::Tensor> tensors;
  for (const auto& [name, tensor] : file.tensors) {
    tensors[name] = tensor.detach().to(at::kCPU).contiguous();
  }
  WriteSafetensors(path, StoredViews(tensors), file.metadata);
}

void WriteModel(const std::string& folder, const Model& model, Dtype dtype) {
  RefuseTilde(folder);
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) throw RunError("cannot make the folder '" + folder + "': " + error.message());
  TensorFile file;
  file.metadata["format"] = "pt";  // what transformers expects
  for (const auto& [name, shape] : TensorShapes(model.config)) {
    file.tensors[name] = model.weights->Load(name, shape, {dtype, "cpu"});
  }
  WriteTensorFile(folder + "/model.safetensors", file);
  ModelConfig config = model.config;
  config.dtype = dtype;
  WriteFileAtomically(folder + "/config.json", ConfigJson(config));
}

}  // namespace hat
