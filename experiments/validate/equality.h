// What must be equal request by request in both worlds, since timing decides none of it: tokens,
// rounds, drafted, accepted (docs/protocol.md). Rounding may turn a decision that is a near-tie;
// a request with one that the receipt lists is excused.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "experiments/validate/receipt.h"
#include "experiments/validate/run_requests.h"

namespace hat {

// Of the requests that were compared, at most so many in a hundred may be excused.
inline constexpr int kMostExcusedPercent = 1;

struct CountPair {
  std::string name;  // "tokens", "rounds", "drafted", "accepted"
  int64_t simulated = 0, live = 0;
};

// A request that did not come out alike.
struct UnequalRequest {
  uint64_t seed = 0;
  int request = 0;
  std::vector<CountPair> counts;        // those that differ
  bool has_other_output = false;        // live, than the whole model's reference decode
  std::optional<ReceiptNearTie> cause;  // its first near-tie, which excuses it
};

// A request that did not complete in both worlds.
struct UnendedRequest {
  uint64_t seed = 0;
  int request = 0;
  std::string simulated, live;  // outcomes; "never came"
};

struct Equality {
  int compared = 0;  // completed in both worlds
  std::vector<UnequalRequest> unequal;
  std::vector<UnendedRequest> unended;

  int excused() const;
  int unexplained() const { return static_cast<int>(unequal.size()) - excused(); }
  // Nothing is unexplained, not more than kMostExcusedPercent are excused, and what completed in
  // one world completed in the other.
  bool holds() const;
  void Add(Equality more);  // of another seed's runs
};

// Of the runs of one seed. `receipt`: null where the live run has none; then nothing is excused,
// and no output is compared with the whole model's.
Equality CompareRequests(const std::vector<RequestPair>& pairs, const Receipt* receipt,
                         uint64_t seed);

// "rounds 12 simulated, 13 live; excused: a near-tie of the token at output 17, gap 3e-05".
std::string WhatDiffers(const UnequalRequest& request);

}  // namespace hat
