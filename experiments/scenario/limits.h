// What users may ask for at most, in scenarios, traces and options: each bound once. All of them
// lie beyond what a machine holds or anyone measures; they are there so that a slip of the keyboard
// is an error with a name, and no number overflows.
#pragma once

#include <cstdint>

#include "core/range.h"

namespace hat {

inline constexpr int kMostTokens = 1'000'000;  // of one prompt, output, chunk or batch
inline constexpr int kMostDraftSteps = 1000;   // of one draft; branches of one step as well
inline constexpr int kMostLayers = 1000;       // of a model; its stages and a device's part as well
inline constexpr int kMostSessions = 1'000'000;  // of one device at once
inline constexpr int kMostDevices = 10'000'000;
inline constexpr int kMostRequests = 100'000'000;
inline constexpr int kMostThreads = 1024;    // and processes, of one program
inline constexpr double kMostSeconds = 1e9;  // of a run, and of a stamp in a trace

// Tokens per round, the target's own included.
inline const Range kAcceptLength = Range::Between(1, kMostDraftSteps + 1);

// Of any link: from a bit a second, below which a frame takes longer than times of 1 ns can count.
inline constexpr double kLeastMbps = 1e-6;
inline constexpr double kMostMbps = 1e6;
inline const Range kLinkMbps = Range::Between(kLeastMbps, kMostMbps);

// A stage link's, inside a server.
inline constexpr double kMostStageLinkGbps = 1e5;

}  // namespace hat
