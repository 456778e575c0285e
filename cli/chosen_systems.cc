#include "cli/chosen_systems.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "core/error.h"
#include "protocol/system.h"

namespace hat {

void CheckSystems(const std::vector<std::string>& systems) {
  for (const std::string& system : systems) {
    if (std::ranges::count(systems, system) > 1) {
      throw InputError(fmt::format("--systems: '{}' is named twice", system));
    }
    if (!std::ranges::count(SystemNames(), system)) {
      throw InputError(fmt::format("--systems: unknown system '{}'; known: {}", system,
                                   fmt::join(SystemNames(), ", ")));
    }
  }
}

void RefuseSystemOverride(const std::vector<std::string>& overrides) {
  for (const std::string& text : overrides) {
    if (text.starts_with("system.name=")) {
      throw InputError("--set system.name: give the systems with --systems");
    }
  }
}

std::vector<uint64_t> SeedsFrom(uint64_t first, int count) {
  if (first > INT64_MAX - static_cast<uint64_t>(count - 1)) {
    throw InputError(fmt::format("--seeds {}: there are not so many from seed = {} to {}", count,
                                 first, INT64_MAX));
  }
  std::vector<uint64_t> seeds;
  for (int i = 0; i < count; ++i) seeds.push_back(first + static_cast<uint64_t>(i));
  return seeds;
}

std::string SeedFolder(uint64_t seed) { return fmt::format("{}{}", kSeedFolder, seed); }

std::vector<std::string> WithoutSeed(std::vector<std::string> overrides) {
  std::erase_if(overrides, [](const std::string& text) { return text.starts_with("seed="); });
  return overrides;
}

}  // namespace hat
