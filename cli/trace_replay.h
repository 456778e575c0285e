// 'hat simulate' on a draft trace, as a child program: what it makes of each prompt.
#pragma once

#include <string>
#include <vector>

namespace hat {

struct ReplayedRequest {
  int rounds = 0, drafted = 0, accepted = 0, ahead_steps = 0, wasted_steps = 0;
};

struct TraceReplay {
  std::string config;   // the model's config.json
  std::string prompts;  // CSV with a column prompt_tokens: the trace's prompts, in its order
  std::string trace;
  int split = 2;
  int output_tokens = 128;  // of each request
  int requests = 0;         // one a prompt row
};

// Writes a scenario and modelled profiles of the model's shape, whose latencies decide nothing that
// a ReplayedRequest holds, into `folder`, runs `hat simulate`, which lies beside this program,
// there and reads what became of prompt row 0, 1, ... `overrides`: as --set takes them. Throws
// RunError with the child's message if it fails; interrupted: RunError too.
std::vector<ReplayedRequest> ReplayTrace(const TraceReplay& replay, const std::string& folder,
                                         const std::vector<std::string>& overrides);

}  // namespace hat
