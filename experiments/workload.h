// The requests of a run, in order. Deterministic: the same scenario and seed give the same requests
// to every system, and a longer run begins with the requests of a shorter one. Streams
// (core/random.h), all of the scenario's seed:
//
//   prompts    the permutation pi of the rows: request i takes row pi(i mod rows); drawn lengths,
//              keyed by i
//   outputs    drawn lengths, keyed by i
//   devices    the device, uniform, keyed by i (not closed loop)
//   arrivals   the gaps, one after the other; closed loop: each device's first request
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/random.h"
#include "experiments/scenario.h"
#include "protocol/request.h"

namespace hat {

class Workload {
 public:
  // Reads the files that the scenario's workload names. Throws InputError for a bad file, and for a
  // request that could never fit the KV cache of a replica (names the prompt row and the numbers).
  explicit Workload(const Scenario& scenario);

  // The next arrival. Open loop: in order of time. Closed loop: the first request of each device.
  // Nothing behind the last.
  std::optional<Request> Next();

  // Closed loop only: the next request of `device`, whose previous one ended at `end`, think_time
  // later. Nothing if enough have arrived or it would come after workload.duration_s. Call in order
  // of `end`, after Next() has given nothing.
  std::optional<Request> NextAfter(int device, Seconds end);

  bool is_closed_loop() const { return config_.arrivals.kind == ArrivalConfig::Kind::kClosedLoop; }

  // How many requests will come; nothing where only time (or a closed loop) decides.
  std::optional<int> expected_requests() const;

  // Rows that prompt_row counts: of the CSV; 1 with a constant length; 0 where each request's is
  // drawn.
  int prompt_rows() const { return static_cast<int>(prompt_tokens_.size()); }
  int prompt_tokens(int row) const { return prompt_tokens_[static_cast<size_t>(row)]; }

  // The most tokens of any prompt, and of any output, that may come: for checks against profiles.
  int max_prompt_tokens() const { return max_prompt_; }
  int max_output_tokens() const { return max_output_; }

 private:
  void LoadPrompts();
  void LoadOutputs(uint64_t seed);
  void LoadReplay();
  void CheckFits(const Scenario& scenario) const;
  std::optional<Seconds> NextArrival();
  bool IsDone(Seconds arrival) const;
  void SetLengths(Request& request) const;
  Request Make(int device, Seconds arrival);

  WorkloadConfig config_;
  int devices_;
  RngStream prompts_, outputs_, device_stream_, arrivals_;
  std::vector<int> prompt_tokens_;  // a row
  std::vector<int> prompt_order_;   // pi
  std::vector<int> output_tokens_;  // a row of the outputs' CSV
  std::vector<int> output_order_;   // of its rows, where they do not belong to prompt rows
  std::vector<double> replay_;      // seconds
  std::vector<std::pair<double, int>> first_;  // closed loop: (arrival in seconds, device), sorted
  int max_prompt_ = 0;
  int max_output_ = 0;
  int issued_ = 0;
  Seconds clock_;  // the last arrival, open loop
};

// All requests of an open-loop workload at once.
std::vector<Request> AllRequests(const Scenario& scenario);

}  // namespace hat
