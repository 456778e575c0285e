#include "protocol/policies/chunking.h"

#include <algorithm>
#include <cmath>

#include "protocol/policies/policy_table.h"

namespace hat {
namespace {

// The whole prompt in one piece.
class NoChunking : public ChunkingPolicy {
 public:
  int NextChunk(const ChunkObservation& seen) const override { return seen.prompt_tokens_left; }
};

// Always the same size.
class FixedChunking : public ChunkingPolicy {
 public:
  explicit FixedChunking(int tokens) : tokens_(tokens) {}
  int NextChunk(const ChunkObservation& seen) const override {
    return std::min(tokens_, seen.prompt_tokens_left);
  }

 private:
  int tokens_;
};

// HAT: balanced against the state monitor's estimates.
class MonitorChunking : public ChunkingPolicy {
 public:
  explicit MonitorChunking(const PolicyOptions& options) : options_(options) {}

  int NextChunk(const ChunkObservation& seen) const override {
    int chunk = options_.chunk_initial;
    if (seen.estimate) {
      chunk =
          BalancedChunk(seen.state_size, seen.stages, *seen.estimate).value_or(options_.chunk_max);
      chunk = std::clamp(chunk, options_.chunk_min, options_.chunk_max);
    }
    return std::min(chunk, seen.prompt_tokens_left);
  }

 private:
  PolicyOptions options_;
};

const std::vector<PolicyRow<ChunkingPolicy>>& Table() {
  using Options = PolicyOptions;
  static const std::vector<PolicyRow<ChunkingPolicy>> kTable = {
      {"none", [](const Options&) { return std::make_unique<NoChunking>(); }},
      {"fixed", [](const Options& o) { return std::make_unique<FixedChunking>(o.chunk_fixed); }},
      {"monitor", [](const Options& o) { return std::make_unique<MonitorChunking>(o); }},
      {"one-token", [](const Options&) { return std::make_unique<FixedChunking>(1); }},
  };
  return kTable;
}

// The smallest X >= 1 with X gain >= fixed; nothing if the gain a token is not positive (and fixed
// is).
std::optional<double> SmallestCovering(Seconds fixed, Seconds gain_per_token) {
  if (fixed <= Seconds(0) && gain_per_token >= Seconds(0)) return 1;
  if (gain_per_token <= Seconds(0)) return std::nullopt;
  // The margin keeps a quotient that is whole but for rounding from being rounded up.
  return std::max(1.0, std::ceil(fixed / gain_per_token - 1e-9));
}

}  // namespace

std::optional<int> BalancedChunk(Bytes state_size, int stages, const ChunkEstimate& estimate) {
  const Seconds upload = state_size / estimate.uplink;  // of one position
  const auto for_cloud = SmallestCovering(estimate.cloud_wait + estimate.cloud.fixed / stages,
                                          upload - estimate.cloud.per_token / stages);
  const auto for_device =
      SmallestCovering(estimate.device.fixed, upload - estimate.device.per_token);
  if (!for_cloud || !for_device) return std::nullopt;
  const double tokens = std::max(*for_cloud, *for_device);
  if (tokens > 1e9) return std::nullopt;
  return static_cast<int>(tokens);
}

std::unique_ptr<ChunkingPolicy> MakeChunkingPolicy(const std::string& name,
                                                   const PolicyOptions& options) {
  return MakePolicy(Table(), "chunking", name, options);
}

std::vector<std::string> ChunkingPolicyNames() { return PolicyNames(Table()); }

}  // namespace hat
