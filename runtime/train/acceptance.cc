#include "runtime/train/acceptance.h"

#include <algorithm>

namespace hat {

void AcceptLength::Add(const AcceptLength& other) {
  tokens += other.tokens;
  rounds += other.rounds;
}

AcceptLength PlayRounds(std::span<const Guess> guesses, double threshold, int most) {
  AcceptLength result;
  size_t newest = 0;  // output token
  while (newest < guesses.size()) {
    // The target adds a token itself, so at most all but one of those to come are drafted.
    const size_t limit = std::min(static_cast<size_t>(most), guesses.size() - newest - 1);
    size_t accepted = 0;
    while (accepted < limit) {
      const Guess& guess = guesses[newest + accepted];
      if (guess.confidence < threshold || !guess.is_right) break;
      ++accepted;
    }
    newest += accepted + 1;
    ++result.rounds;
  }
  result.tokens = static_cast<int64_t>(guesses.size());
  return result;
}

AcceptLength PlayChain(std::span<const int> hits) {
  AcceptLength result;
  size_t newest = 0;
  while (newest + 1 < hits.size()) {
    const auto left = hits.size() - newest - 2;  // behind the target's own next token
    newest += std::min(static_cast<size_t>(hits[newest]), left) + 1;
    ++result.rounds;
  }
  result.tokens = static_cast<int64_t>(hits.size()) - 1;
  return result;
}

std::vector<ReliabilityBin> Reliability(std::span<const Guess> guesses, int bins) {
  std::vector<ReliabilityBin> result(static_cast<size_t>(bins));
  for (const Guess& guess : guesses) {
    const int bin = std::clamp(static_cast<int>(guess.confidence * bins), 0, bins - 1);
    ReliabilityBin& entry = result[static_cast<size_t>(bin)];
    ++entry.count;
    entry.confidence += guess.confidence;
    entry.right += guess.is_right;
  }
  for (ReliabilityBin& entry : result) {
    if (entry.count == 0) continue;
    entry.confidence /= static_cast<double>(entry.count);
    entry.right /= static_cast<double>(entry.count);
  }
  return result;
}

}  // namespace hat
