// Chunking policies: how many prompt tokens a device computes and sends next.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/units.h"
#include "protocol/moving_average.h"
#include "protocol/system.h"

namespace hat {

// What the state monitor knows; absent before it has a sample of every part.
struct ChunkEstimate {
  BytesPerSecond uplink;
  Seconds cloud_wait;  // of a prefill frame, from arrival to entry into stage 0
  LinearTime cloud;    // g: a batch from stage 0 to after the last
  LinearTime device;   // this device's own input operation
};

struct ChunkObservation {
  int prompt_tokens_left = 0;  // >= 1
  Bytes state_size;            // A: of one position
  int stages = 1;              // P
  std::optional<ChunkEstimate> estimate;
};

class ChunkingPolicy {
 public:
  virtual ~ChunkingPolicy() = default;
  // In 1..prompt_tokens_left.
  virtual int NextChunk(const ChunkObservation& observation) const = 0;
};

// HAT's rule: the smallest X >= 1 whose upload X A / rate lasts at least as long as waiting + g(X)
// / P and as computing X positions here; nothing if no X does. Worked number: A = 8192 B, 8.192
// MB/s (1 ms per position), waiting 4 ms, g = 8 ms + 0.4 ms X, P = 4, compute = 5 ms + 0.5 ms X: X
// >= 6 / 0.9 and X >= 5 / 0.5, so X = 10.
std::optional<int> BalancedChunk(Bytes state_size, int stages, const ChunkEstimate& estimate);

// none, fixed, monitor, and one-token (deliberately bad, for tests). Throws InputError that lists
// them.
std::unique_ptr<ChunkingPolicy> MakeChunkingPolicy(const std::string& name,
                                                   const PolicyOptions& options);
std::vector<std::string> ChunkingPolicyNames();

}  // namespace hat
