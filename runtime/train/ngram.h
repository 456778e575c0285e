// A language model that only counts: what a trained one must beat.
#pragma once

#include <cstdint>
#include <span>
#include <unordered_map>
#include <vector>

namespace hat {

// Interpolated Kneser-Ney (Kneser, Ney 1995; Chen, Goodman 1998): orders 1..n, each with one
// absolute discount n1 / (n1 + 2 n2) from its own counts; below the highest order a sequence counts
// once for each different token in front of it; under the unigrams lies the uniform distribution.
class NgramModel {
 public:
  // order >= 1; vocabulary > every token.
  NgramModel(std::span<const int32_t> tokens, int order, int vocabulary);

  int order() const { return static_cast<int>(levels_.size()); }

  // Of `token` after `context`, whose last order - 1 tokens count. Positive; sums to 1 over the
  // vocabulary.
  double Probability(std::span<const int32_t> context, int32_t token) const;

  // exp of the mean of -log probability over tokens 1..: each after those before it.
  double Perplexity(std::span<const int32_t> tokens) const;

 private:
  struct Context {
    uint32_t total = 0;     // of its sequences' counts
    uint32_t distinct = 0;  // sequences
  };
  struct Level {  // sequences of one length, by a 64-bit hash of their tokens
    std::unordered_map<uint64_t, uint32_t> counts;
    std::unordered_map<uint64_t, Context> contexts;
    double discount = 0;
  };

  std::vector<Level> levels_;  // levels_[i]: sequences of i + 1 tokens
  int vocabulary_;
};

}  // namespace hat
