// The requests of a run, in order. Deterministic: the same scenario and seed give the same requests
// to every system, and a longer run begins with the requests of a shorter one. Streams
// (core/random.h), all of the scenario's seed:
//
//   prompts    the permutation pi of the rows: request i takes row pi(i mod rows); drawn lengths,
//              keyed by i
//   outputs    drawn lengths, keyed by i; the permutation of the rows, where they do not go with
//              the prompts'
//   devices    the device, uniform, keyed by i (not closed loop, not in turn)
//   arrivals   the gaps, one after the other; closed loop: each device's first request
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/random.h"
#include "experiments/scenario/scenario.h"
#include "protocol/request.h"

namespace hat {

class Workload {
 public:
  // Reads the files that the scenario's workload names. Throws InputError for a bad file, and for a
  // request that will come and could never fit the KV cache of a replica (names it and the
  // numbers).
  explicit Workload(const Scenario& scenario);

  // The next arrival. Open loop: in order of time. Closed loop: the first request of each device.
  // Nothing after the last.
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

  // Of the requests that will come the one with the longest prompt, the longest output, and the
  // most of both together: for checks. A row counts if a request takes it; where lengths are drawn,
  // or nobody knows how many requests come, as much as may come. Valid: id, prompt_row, tokens.
  struct Longest {
    Request by_prompt, by_output, by_sum;
  };
  const Longest& longest() const { return longest_; }

  // One of the longest as an error names it, with where its lengths come from: "request 7 (prompt
  // row 3 of p.csv, workload.outputs.tokens)".
  std::string Describe(const Request& request) const;

 private:
  class Files;
  void LoadPrompts(Files& files);
  void LoadOutputs(Files& files, uint64_t seed);
  void LoadReplay(Files& files);
  void FindLongest();
  void CheckFits(const Scenario& scenario) const;
  int MostRequests() const;
  int OutputRow(const Request& request) const;
  std::optional<Seconds> NextArrival();
  bool IsDone(Seconds arrival) const;
  int NextDevice() const;
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
  Longest longest_;
  int issued_ = 0;
  Seconds clock_;  // the last arrival, open loop
};

// All requests of an open-loop workload at once.
std::vector<Request> AllRequests(const Scenario& scenario);

}  // namespace hat
