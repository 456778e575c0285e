// What a drafter's guesses are worth, from one look at each position. A draft depends on the
// committed tokens alone, so along the model's own greedy output the guess behind every position
// decides every round, whatever the threshold: no draft needs to be run again. Free of torch.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace hat {

// The guess behind one position of the greedy output.
struct Guess {
  float confidence = 0;
  bool is_right = false;  // it is the model's own next token
};

struct AcceptLength {
  int64_t tokens = 0;  // behind the first
  int64_t rounds = 0;

  double Mean() const { return rounds > 0 ? static_cast<double>(tokens) / rounds : 0; }
  void Add(const AcceptLength& other);
};

// Plays the rounds of one output (docs: the protocol's round): guesses[i] stands behind output
// token i, the last of them guesses the last output token. A draft goes on while the confidence is
// at least `threshold`, to at most `most` tokens.
AcceptLength PlayRounds(std::span<const Guess> guesses, double threshold, int most);

// The same for Medusa's top-1 chain: hits[i] = how many heads in a row are right on the state that
// yields output token i.
AcceptLength PlayChain(std::span<const int> hits);

// Guesses sorted by confidence into `bins` of equal width over 0..1.
struct ReliabilityBin {
  int64_t count = 0;
  double confidence = 0;  // mean of theirs
  double right = 0;       // share of them
};
std::vector<ReliabilityBin> Reliability(std::span<const Guess> guesses, int bins);

}  // namespace hat
