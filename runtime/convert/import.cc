#include "runtime/convert/import.h"

#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/files.h"
#include "runtime/convert/stored_values.h"
#include "runtime/model/checkpoint.h"

namespace hat {
namespace {

constexpr size_t kPartBytes = size_t{2} << 30;

struct Part {
  std::vector<std::string> names;
  size_t bytes = 0;
};

std::vector<Part> PartsOf(const ModelConfig& config, Dtype dtype) {
  std::vector<Part> parts(1);
  for (const auto& [name, shape] : TensorShapes(config)) {
    size_t bytes = static_cast<size_t>(BytesPerElement(StoredTypeOf(dtype)));
    for (const int64_t extent : shape) bytes *= static_cast<size_t>(extent);
    if (parts.back().bytes > 0 && parts.back().bytes + bytes > kPartBytes) parts.emplace_back();
    parts.back().names.push_back(name);
    parts.back().bytes += bytes;
  }
  return parts;
}

}  // namespace

void WriteImport(const ImportedModel& model, Dtype dtype, const std::string& folder, bool replace,
                 const std::string& from, const ImportProgress& progress) {
  ResultFolder out(folder, replace);
  const auto shapes = TensorShapes(model.config());
  const std::vector<Part> parts = PartsOf(model.config(), dtype);
  nlohmann::json index = {{"metadata", nlohmann::json::object()}};
  size_t all_bytes = 0, done = 0;
  for (size_t i = 0; i < parts.size(); ++i) {
    const std::string file =
        parts.size() == 1 ? "model.safetensors"
                          : fmt::format("model-{:05}-of-{:05}.safetensors", i + 1, parts.size());
    std::map<std::string, std::vector<std::byte>> bytes;
    std::map<std::string, StoredTensor> tensors;
    for (const std::string& name : parts[i].names) {
      const std::vector<int64_t>& shape = shapes.at(name);
      size_t count = 1;
      for (const int64_t extent : shape) count *= static_cast<size_t>(extent);
      std::vector<float> values(count);
      model.Read(name, values);
      bytes[name] = InType(values, dtype, fmt::format("{}: '{}'", from, name));
      tensors[name] = {StoredTypeOf(dtype), shape, bytes[name]};
      index["weight_map"][name] = file;
      if (!progress(++done, shapes.size())) throw RunError("interrupted");
    }
    WriteSafetensors(out.staging() + "/" + file, tensors, {{"format", "pt"}});
    all_bytes += parts[i].bytes;
  }
  index["metadata"]["total_size"] = all_bytes;
  if (parts.size() > 1) out.Write("model.safetensors.index.json", index.dump(2) + "\n");
  ModelConfig config = model.config();
  config.dtype = dtype;
  out.Write("config.json", ConfigJson(config));
  for (const auto& [name, content] : model.OtherFiles()) out.Write(name, content);
  const nlohmann::json manifest = {{"imported_from", from}, {"commit", BuildCommit()}};
  out.Write("manifest.json", manifest.dump(2) + "\n");
  out.Commit();
}

}  // namespace hat
