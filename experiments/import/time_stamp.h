// Dates with times, as logs write them.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace hat {

// Nanoseconds since 1970 of "2023-11-16 18:17:03.9799600": a 'T' may stand in place of the blank;
// up to nine decimals, or none; then nothing, 'Z' or an offset as "+00:00". Without one it is taken
// for UTC. Nothing for other text, and for days and times that there are not.
std::optional<int64_t> ParseTimeStamp(std::string_view text);

}  // namespace hat
