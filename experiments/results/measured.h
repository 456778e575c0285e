// What the measured requests of a run did: the figures behind summary.json and vllm.json, each
// defined in docs/metrics.md.
#pragma once

#include <cstdint>
#include <vector>

#include "core/units.h"
#include "experiments/results/statistics.h"
#include "experiments/watch/recorder.h"

namespace hat {

struct Measured {
  std::vector<const RequestRow*> rows;  // completed after the warm-up, in order of arrival

  Distribution ttft_ms, e2e_ms;  // a value a request
  Distribution tbt_ms;           // a request of more than one token
  Distribution ntpot_ms;         // a request
  Distribution round_gap_ms;     // a delivery of tokens after the first
  Distribution itl_ms;           // a token after the first

  // Sums over the requests.
  int64_t prompt_tokens = 0, tokens = 0;
  int64_t rounds = 0, drafted = 0, accepted = 0, ahead_steps = 0, wasted_steps = 0;
  Bytes bytes_up, bytes_down;                // all frames
  Bytes decode_bytes_up, decode_bytes_down;  // of these, what carries rounds and their answers

  int64_t later_tokens() const { return tokens - static_cast<int64_t>(rows.size()); }
};

Measured MeasuredOf(const Recorder& recorder);

}  // namespace hat
