// What verbs that simulate several systems with several seeds ask of both alike. All throw
// InputError, which names the option.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace hat {

// --systems: known ones, each once.
void CheckSystems(const std::vector<std::string>& systems);

// --set: not the system, which --systems chooses.
void RefuseSystemOverride(const std::vector<std::string>& overrides);

// --seeds: s, s + 1, ..., `count` of them.
std::vector<uint64_t> SeedsFrom(uint64_t first, int count);

// Where a seed's results lie, below those of its system: "seed-3".
inline constexpr std::string_view kSeedFolder = "seed-";
std::string SeedFolder(uint64_t seed);

// `overrides` for a run that has its seed from SeedsFrom: without one of theirs.
std::vector<std::string> WithoutSeed(std::vector<std::string> overrides);

}  // namespace hat
