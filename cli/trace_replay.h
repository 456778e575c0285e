// The simulator on a draft trace: what it makes of each prompt.
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
  int requests = 0;         // one per prompt row
};

using Overrides = std::vector<std::string>;  // as --set takes them

// Writes a scenario and modelled profiles of the model's shape, whose latencies decide nothing that
// a ReplayedRequest holds, into `folder`, runs the trials one after the other, in this process, and
// tells what became of prompt row 0, 1, ... in each. Throws InputError; RunError for a broken law,
// and if the program is interrupted.
std::vector<std::vector<ReplayedRequest>> ReplayTrace(const TraceReplay& replay,
                                                      const std::string& folder,
                                                      const std::vector<Overrides>& trials);

}  // namespace hat
