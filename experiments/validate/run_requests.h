// The requests of a run as validation looks at them: rows of its requests.csv, which both worlds
// write alike.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace hat {

struct RunRequest {
  int request = 0;  // what was asked, and when
  int device = 0;
  int prompt_row = 0;
  int prompt_tokens = 0;
  int output_tokens = 0;
  double arrival_s = 0;

  std::string outcome;  // "completed", "failed", "in_flight"
  bool is_after_warmup = false;
  double ttft_ms = 0, tbt_ms = 0, e2e_ms = 0;  // NaN where there is none
  int64_t tokens = 0, rounds = 0, drafted = 0, accepted = 0;

  bool is_completed() const { return outcome == "completed"; }
  bool is_measured() const { return is_completed() && is_after_warmup; }
};

// Ascending by request. Throws InputError that names `name` and line for what is no requests.csv,
// and for a request that stands there twice.
std::vector<RunRequest> ParseRequests(std::string requests_csv, const std::string& name);

// One request in both worlds.
struct RequestPair {
  const RunRequest* simulated = nullptr;  // null: it never came there
  const RunRequest* live = nullptr;

  bool is_measured() const {
    return simulated && live && simulated->is_measured() && live->is_measured();
  }
};

// By request; the pairs point into both lists. Throws InputError, which names `live_name`, if a
// request is not the same in both: another device, prompt, or number of tokens.
std::vector<RequestPair> PairRequests(const std::vector<RunRequest>& simulated,
                                      const std::vector<RunRequest>& live,
                                      const std::string& live_name);

}  // namespace hat
