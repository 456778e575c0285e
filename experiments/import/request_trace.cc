#include "experiments/import/request_trace.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "experiments/scenario/limits.h"

namespace hat {
namespace {

void SortByTime(RequestTrace& trace) {
  const auto is_earlier = [](const TracedRequest& a, const TracedRequest& b) {
    return a.arrival_ns < b.arrival_ns;
  };
  int64_t late = 0;
  for (size_t i = 1; i < trace.requests.size(); ++i)
    late += is_earlier(trace.requests[i], trace.requests[i - 1]);
  if (late == 0) return;
  std::ranges::stable_sort(trace.requests, is_earlier);
  trace.tally.notes.push_back(fmt::format("sorted by time: {} rows stood below a later one", late));
}

// Of sorted requests those within the cut.
void Keep(RequestTrace& trace, const TraceCut& cut) {
  const int64_t first = trace.requests.front().arrival_ns;
  const auto is_outside = [&](const TracedRequest& request) {
    const double at_s = static_cast<double>(request.arrival_ns - first) / kNsPerSecond;
    return at_s < cut.from_s || (cut.for_s && at_s >= cut.from_s + *cut.for_s);
  };
  trace.tally.left_out["outside --from and --for"] +=
      static_cast<int64_t>(std::erase_if(trace.requests, is_outside));
  std::erase_if(trace.tally.left_out, [](const auto& entry) { return entry.second == 0; });
}

}  // namespace

void CutTrace(RequestTrace& trace, const TraceCut& cut, const std::string& name) {
  const auto require_rows = [&] {
    if (trace.requests.empty())
      throw InputError(fmt::format("{}: nothing is left: {}", name,
                                   trace.tally.Text().substr(0, trace.tally.Text().find('\n'))));
  };
  require_rows();
  if (!trace.has_arrivals) {
    if (cut.from_s > 0 || cut.for_s || cut.scale_rate)
      throw InputError(
          fmt::format("{}: holds no times, so --from, --for and --scale-rate mean nothing", name));
    return;
  }
  SortByTime(trace);
  Keep(trace, cut);
  require_rows();
  const int64_t first = trace.requests.front().arrival_ns;
  const double rate = cut.scale_rate.value_or(1);
  const double last_s =
      static_cast<double>(trace.requests.back().arrival_ns - first) / kNsPerSecond / rate;
  if (last_s > kMostSeconds)
    throw InputError(
        fmt::format("{}: its requests lie up to {:g} s apart; at most {:g} s are played "
                    "(--for cuts it)",
                    name, last_s, kMostSeconds));
  for (TracedRequest& request : trace.requests) {
    request.arrival_ns -= first;
    if (cut.scale_rate)
      request.arrival_ns = std::llround(static_cast<double>(request.arrival_ns) / rate);
  }
}

std::string WorkloadCsv(const RequestTrace& trace) {
  std::string text = trace.has_arrivals ? "arrival_s,prompt_tokens" : "prompt_tokens";
  text += trace.has_outputs ? ",output_tokens\n" : "\n";
  for (const TracedRequest& request : trace.requests) {
    if (trace.has_arrivals) text += SecondsText(request.arrival_ns) + ",";
    text += fmt::format("{}", request.prompt_tokens);
    text += trace.has_outputs ? fmt::format(",{}\n", request.output_tokens) : "\n";
  }
  return text;
}

std::string WorkloadToml(const RequestTrace& trace, const std::string& path) {
  std::string text = "[workload]\n";
  if (trace.has_arrivals)
    text += fmt::format("arrivals = \"replay\"\nreplay = \"{}\"\n", path);
  else
    text += fmt::format("rate_per_s = 1  # yours: the file holds no times\nrequests = {}\n",
                        trace.requests.size());
  text += fmt::format("[workload.prompts]\nkind = \"csv\"\npath = \"{}\"\n", path);
  if (trace.has_outputs)
    return text + fmt::format("[workload.outputs]\nkind = \"csv\"\npath = \"{}\"\n", path);
  return text + "[workload.outputs]\ntokens = 128  # yours: the file holds no outputs\n";
}

std::string LongestText(const RequestTrace& trace) {
  int prompt = 0, sum = 0;
  for (const TracedRequest& request : trace.requests) {
    prompt = std::max(prompt, request.prompt_tokens);
    sum = std::max(sum, request.prompt_tokens + request.output_tokens);
  }
  return fmt::format(
      "the longest prompt has {} tokens{}: profiles (hat profile model --max-tokens, "
      "--max-context) "
      "and cloud.kv_tokens must cover them",
      prompt, trace.has_outputs ? fmt::format(", the longest prompt with its output {}", sum) : "");
}

}  // namespace hat
