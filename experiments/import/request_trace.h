// Requests out of a trace that others have published, and the workload's CSV that they become.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "experiments/import/tally.h"

namespace hat {

struct TracedRequest {
  int64_t arrival_ns = 0;  // from wherever the trace counts; 0 where it has no times
  int prompt_tokens = 0;
  int output_tokens = 0;  // 0 where it has none
};

struct RequestTrace {
  bool has_arrivals = true;
  bool has_outputs = true;
  std::vector<TracedRequest> requests;  // in the file's order, until Cut
  ImportTally tally;
};

// The part of a trace that is wanted.
struct TraceCut {
  double from_s = 0;                      // counted from the trace's first request
  std::optional<double> for_s = {};       // none: to its end
  std::optional<double> scale_rate = {};  // this many times as many requests in a second
};

// Sorts by time (requests of one stamp keep their order, and the tally says how many stood too
// late), keeps what arrives from `from_s` on for less than `for_s`, counts times from the first
// that is kept, and divides them by `scale_rate`. Throws InputError that names `name` where nothing
// is left, where requests lie more than kMostSeconds apart, and for a cut of a trace without times.
void CutTrace(RequestTrace& trace, const TraceCut& cut, const std::string& name);

// Columns arrival_s, prompt_tokens, output_tokens; without those that the trace has not.
std::string WorkloadCsv(const RequestTrace& trace);

// What a scenario says to run it, as TOML; `path` is the CSV's, as the scenario names it.
std::string WorkloadToml(const RequestTrace& trace, const std::string& path);

// The longest prompt, and the most of a prompt with its output: what profiles and the KV cache must
// cover. A sentence.
std::string LongestText(const RequestTrace& trace);

}  // namespace hat
