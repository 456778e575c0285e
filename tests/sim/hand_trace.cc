#include "tests/sim/hand_trace.h"

#include <algorithm>
#include <utility>

#include "core/random.h"

namespace hat {

DraftTrace HandTrace(const TraceSizes& sizes, const std::vector<int>& prompt_tokens,
                     const std::function<TraceEntry(int row, int t)>& entry) {
  const std::string no_hash(64, '0');
  DraftTrace trace(
      {"hand", no_hash, no_hash, sizes.output_tokens, sizes.max_steps, sizes.medusa_heads},
      prompt_tokens);
  for (int row = 0; row < trace.rows(); ++row) {
    for (int t = 1; t < sizes.output_tokens; ++t) {
      TraceEntry values = entry(row, t);
      const int steps = trace.StepsAt(t);
      values.confidences.resize(static_cast<size_t>(steps));
      values.medusa.resize(static_cast<size_t>(trace.HeadsAt(t)), 1);
      values.agreed = std::min(values.agreed, steps);
      if (values.agreed == steps) values.rank = 0;
      trace.Set(row, t, {values.confidences, values.agreed, values.rank, values.medusa});
    }
  }
  return trace;
}

DraftTrace RandomTrace(const TraceSizes& sizes, const std::vector<int>& prompt_tokens,
                       uint64_t seed) {
  const RngStream stream(seed, "trace");
  return HandTrace(sizes, prompt_tokens, [&](int row, int t) {
    RngStream random = stream.At(static_cast<uint64_t>(row), static_cast<uint64_t>(t));
    TraceEntry entry;
    bool agrees = true;
    for (int j = 0; j < sizes.max_steps; ++j) {
      entry.confidences.push_back(static_cast<float>(random.Uniform()));
      agrees = agrees && random.Uniform() < entry.confidences.back();
      entry.agreed += agrees;
    }
    entry.rank = 2 + random.UniformInt(7);
    for (int j = 0; j < sizes.medusa_heads; ++j) {
      entry.medusa.push_back(static_cast<uint16_t>(1 + random.UniformInt(3)));
    }
    return entry;
  });
}

}  // namespace hat
