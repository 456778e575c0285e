// The rounds that a draft trace yields: what a device drafts and keeps from each committed token
// on, timing aside (the protocol's round, docs/model.md).
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "experiments/traces/draft_trace.h"
#include "protocol/tree.h"

namespace hat {

struct TraceRound {
  int token = 0;  // t: the newest committed output token when it begins, from 1
  int drafted = 0;
  int accepted = 0;

  bool operator==(const TraceRound&) const = default;
};

// Of a prompt row, from its first output token to its last. A draft goes on while the confidence is
// at least `threshold`, up to `max_draft` proposals (0 to D - 1).
std::vector<TraceRound> DraftRounds(const DraftTrace& trace, int row, double threshold,
                                    int max_draft);

// The same for Medusa heads with a static tree, at most M deep.
std::vector<TraceRound> TreeRounds(const DraftTrace& trace, int row, const Tree& tree);

struct RoundTotals {
  int64_t rounds = 0, drafted = 0, accepted = 0;

  void Add(std::span<const TraceRound> of_one_row);
  void Add(const RoundTotals& other);
  double AcceptLength() const;   // tokens per round, the target's own included; 0 without rounds
  double AcceptedShare() const;  // of the drafted tokens; 0 if none was
};

}  // namespace hat
