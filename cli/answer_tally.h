// What it took to answer one prompt, counted as it goes.
#pragma once

#include <fmt/format.h>

#include <optional>
#include <string>

#include "protocol/observer.h"

namespace hat {

struct AnswerTally {
  Seconds arrival, first, last;
  int tokens = 0, rounds = 0, drafted = 0, accepted = 0;

  void Add(const RoundEvent& event) {
    ++rounds;
    drafted += event.drafted;
    accepted += event.accepted;
  }
  void AddTokens(int count, Seconds at) {
    if (tokens == 0) first = at;
    last = at;
    tokens += count;
  }

  double ttft_ms() const { return (first - arrival).value() * 1e3; }
  std::optional<double> tbt_ms() const {
    if (tokens < 2) return std::nullopt;
    return (last - first).value() * 1e3 / (tokens - 1);
  }
  std::optional<double> accept_length() const {
    if (rounds == 0) return std::nullopt;
    return double(tokens - 1) / rounds;
  }

  std::string Summary() const {
    std::string text = fmt::format("{} tokens, TTFT {:.1f} ms", tokens, ttft_ms());
    if (tbt_ms()) text += fmt::format(", TBT {:.1f} ms", *tbt_ms());
    if (accept_length()) {
      text += fmt::format(", accept length {:.2f} ({} of {} drafted tokens accepted)",
                          *accept_length(), accepted, drafted);
    }
    return text;
  }
};

}  // namespace hat
