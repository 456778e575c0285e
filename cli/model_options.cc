#include "cli/model_options.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <limits>
#include <vector>

#include "cli/got_models.h"
#include "cli/shipped.h"
#include "core/error.h"
#include "core/files.h"
#include "runtime/model/config.h"

namespace hat {
namespace {

std::string FileOr(const std::string& given, const ModelOptions& options, const char* flag,
                   const char* name) {
  std::string file = FileOrNone(given, options.model, name);
  if (!file.empty()) return file;
  throw InputError(
      fmt::format("'{}' needs {}: there is no {}/{}; give a file, or random:SEED for an "
                  "untrained one",
                  options.system, flag, options.model, name));
}

}  // namespace

std::string FileOrNone(const std::string& given, const std::string& folder, const char* name) {
  if (!given.empty()) return given;
  std::string path = folder + "/" + name;
  if (IsThere(path)) return path;
  for (const GettableModel& model : GettableModels()) {
    if (folder != fmt::format("{}/{}", ModelsFolder(), model.name)) continue;
    const std::string shipped = fmt::format("{}/models/{}/{}", ShareFolder(), model.name, name);
    if (IsThere(shipped)) return shipped;
  }
  return "";
}

void AddModelOptions(CommandLine& line, ModelOptions& options, bool whole) {
  line.add_option(
          "--model", options.model,
          "folder of a Llama-family checkpoint: config.json, *.safetensors, tokenizer.json or "
          "tokenizer.model")
      ->required()
      ->transform(ShippedPath);
  std::vector<std::string> systems{"u-shape", "u-sarathi", "hat", "u-medusa"};
  if (whole) systems.insert(systems.begin(), "whole");
  line.add_option("--system", options.system,
                  fmt::format("{}u-shape, u-sarathi, hat or u-medusa", whole ? "whole, " : ""))
      ->capture_default_str()
      ->check(CLI::IsMember(systems));
  line.add_option("--split", options.split, "layers on the device (default: 2, or all but one)");
  line.add_option("--chunk", options.chunk,
                  "prompt tokens a chunk (default: the system's own way of chunking)")
      ->check(CLI::Range(1, std::numeric_limits<int>::max()));
  line.add_option("--draft-threshold", options.draft_threshold,
                  "hat drafts on while its confidence is at least this, 0 to 1")
      ->capture_default_str();
  line.add_option("--drafter", options.drafter,
                  "hat's: adapter, lookup (what followed the text's last tokens before; needs no "
                  "adapter) or adapter+lookup")
      ->capture_default_str()
      ->check(CLI::IsMember(DrafterNames()));
  line.add_option(
      "--adapter", options.adapter,
      "hat's adapter: a file or random:SEED (default: adapter.safetensors in the model's "
      "folder)");
  line.add_option("--medusa", options.medusa,
                  "u-medusa's heads: a file or random:SEED (default: medusa.safetensors there)");
  line.add_option("--dtype", options.dtype, "to compute in: fp64, fp32, fp16, bf16")
      ->capture_default_str();
  line.add_option("--wire-dtype", options.wire_dtype,
                  "of the states between device and cloud: fp32, fp16, bf16 (default: as --dtype, "
                  "fp32 for fp64)");
  line.add_flag("--device-int8", options.is_device_int8,
                "the device's weights (its layers, adapter and head) as int8, a scale a row: a "
                "quarter of fp32 to read, half of bf16; on the CPU");
  line.add_option("--device", options.device, "cpu or cuda:N")->capture_default_str();
}

SplitPlan PlanOf(const ModelOptions& options, const ModelConfig& config) {
  SplitPlan plan;
  plan.split = options.split.value_or(std::min(2, config.shape.layer_count() - 1));
  plan.compute = {ParseDtype(options.dtype, "--dtype"), options.device};
  plan.is_device_int8 = options.is_device_int8;
  plan.wire = options.wire_dtype.empty()
                  ? WireDtypeFor(plan.compute.dtype)
                  : ParseDtype(options.wire_dtype, "--wire-dtype", kWireDtypes);
  return plan;
}

SystemSpec SystemOf(const ModelOptions& options) {
  if (!(options.draft_threshold >= 0 && options.draft_threshold <= 1)) {  // NaN is neither
    throw InputError(
        fmt::format("--draft-threshold must be >= 0 and <= 1, got {}", options.draft_threshold));
  }
  SystemSpec system = FindSystem(options.system);
  if (options.chunk) {
    system.chunking = "fixed";
    system.options.chunk_fixed = *options.chunk;
  }
  system.options.draft_threshold = options.draft_threshold;
  system.drafter = options.drafter;
  return system;
}

std::string AdapterOf(const ModelOptions& options, const SystemSpec& system) {
  if (!system.uses_adapter()) return "";
  return FileOr(options.adapter, options, "--adapter", "adapter.safetensors");
}

std::string MedusaOf(const ModelOptions& options, const SystemSpec& system) {
  if (!system.drafts_trees) return "";
  return FileOr(options.medusa, options, "--medusa", "medusa.safetensors");
}

}  // namespace hat
