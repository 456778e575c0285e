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

struct Part {
  std::vector<std::string> names;
  size_t bytes = 0;
};

std::vector<Part> PartsOf(const ModelConfig& config, Dtype dtype, size_t part_bytes) {
  std::vector<Part> parts(1);
  for (const auto& [name, shape] : TensorShapes(config)) {
    size_t bytes = static_cast<size_t>(BytesPerElement(StoredTypeOf(dtype)));
    for (const int64_t extent : shape) bytes *= static_cast<size_t>(extent);
    if (parts.back().bytes > 0 && parts.back().bytes + bytes > part_bytes) parts.emplace_back();
    parts.back().names.push_back(name);
    parts.back().bytes += bytes;
  }
  return parts;
}

// One file of weights. `tell` is called after each tensor.
void WritePart(const ImportedModel& model, const Part& part, Dtype dtype, const std::string& from,
               const std::string& path, const std::function<void()>& tell) {
  const auto shapes = TensorShapes(model.config());
  std::map<std::string, std::vector<std::byte>> bytes;
  std::map<std::string, StoredTensor> tensors;
  for (const std::string& name : part.names) {
    const std::vector<int64_t>& shape = shapes.at(name);
    size_t count = 1;
    for (const int64_t extent : shape) count *= static_cast<size_t>(extent);
    std::vector<float> values(count);
    model.Read(name, values);
    bytes[name] = InType(values, dtype, fmt::format("{}: '{}'", from, name));
    tensors[name] = {StoredTypeOf(dtype), shape, bytes[name]};
    tell();
  }
  WriteSafetensors(path, tensors, {{"format", "pt"}});
}

}  // namespace

void WriteImport(const ImportedModel& model, Dtype dtype, const std::string& folder, bool replace,
                 const std::string& from, const ImportProgress& progress, size_t part_bytes) {
  const std::map<std::string, std::string> others = model.OtherFiles();
  ResultFolder out(folder, replace);
  const std::vector<Part> parts = PartsOf(model.config(), dtype, part_bytes);
  size_t all = 0, all_bytes = 0, done = 0;
  for (const Part& part : parts) {
    all += part.names.size();
    all_bytes += part.bytes;
  }
  nlohmann::json index = {{"metadata", {{"total_size", all_bytes}}}};
  for (size_t i = 0; i < parts.size(); ++i) {
    const std::string file =
        parts.size() == 1 ? "model.safetensors"
                          : fmt::format("model-{:05}-of-{:05}.safetensors", i + 1, parts.size());
    WritePart(model, parts[i], dtype, from, out.staging() + "/" + file, [&] {
      if (!progress(++done, all)) throw RunError("interrupted");
    });
    for (const std::string& name : parts[i].names) index["weight_map"][name] = file;
  }
  if (parts.size() > 1) out.Write("model.safetensors.index.json", index.dump(2) + "\n");
  ModelConfig config = model.config();
  config.dtype = dtype;
  out.Write("config.json", ConfigJson(config));
  for (const auto& [name, content] : others) out.Write(name, content);
  const nlohmann::json manifest = {{"imported_from", from}, {"commit", BuildCommit()}};
  out.Write("manifest.json", manifest.dump(2) + "\n");
  out.Commit();
}

}  // namespace hat
