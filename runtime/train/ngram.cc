#include "runtime/train/ngram.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"

namespace hat {
namespace {

// Of a sequence, with the mixing of SplitMix64. Among ten million sequences two share a hash with
// probability 3e-6.
uint64_t Hash(std::span<const int32_t> tokens) {
  uint64_t hash = tokens.size();
  for (const int32_t token : tokens) {
    hash += 0x9e3779b97f4a7c15u + static_cast<uint64_t>(token);
    hash = (hash ^ (hash >> 30)) * 0xbf58476d1ce4e5b9u;
    hash = (hash ^ (hash >> 27)) * 0x94d049bb133111ebu;
    hash ^= hash >> 31;
  }
  return hash;
}

double Discount(const std::unordered_map<uint64_t, uint32_t>& counts) {
  double once = 0, twice = 0;
  for (const auto& [hash, count] : counts) {
    once += count == 1;
    twice += count == 2;
  }
  return once > 0 ? once / (once + 2 * twice) : 0;
}

}  // namespace

NgramModel::NgramModel(std::span<const int32_t> tokens, int order, int vocabulary)
    : levels_(static_cast<size_t>(order)), vocabulary_(vocabulary) {
  HAT_CHECK(order >= 1);
  for (size_t end = 1; end <= tokens.size(); ++end) {
    // From the longest sequence that ends here downwards, as long as it is new.
    for (size_t length = std::min(levels_.size(), end); length >= 1; --length) {
      const auto sequence = tokens.subspan(end - length, length);
      Level& level = levels_[length - 1];
      const bool is_new = level.counts[Hash(sequence)]++ == 0;
      Context& context = level.contexts[Hash(sequence.first(length - 1))];
      ++context.total;
      context.distinct += is_new;
      if (!is_new) break;
    }
  }
  for (Level& level : levels_) level.discount = Discount(level.counts);
}

double NgramModel::Probability(std::span<const int32_t> context, int32_t token) const {
  double probability = 1.0 / vocabulary_;
  std::vector<int32_t> sequence;
  const size_t most = std::min(levels_.size() - 1, context.size());
  for (size_t length = 0; length <= most; ++length) {
    const auto before = context.last(length);
    const Level& level = levels_[length];
    const auto found = level.contexts.find(Hash(before));
    if (found == level.contexts.end()) break;  // then no longer one was seen either
    sequence.assign(before.begin(), before.end());
    sequence.push_back(token);
    const auto count = level.counts.find(Hash(sequence));
    const double kept = count == level.counts.end() ? 0 : count->second - level.discount;
    probability = (kept + level.discount * found->second.distinct * probability) /
                  static_cast<double>(found->second.total);
  }
  return probability;
}

double NgramModel::Perplexity(std::span<const int32_t> tokens) const {
  HAT_CHECK(tokens.size() > 1);
  double sum = 0;
  for (size_t i = 1; i < tokens.size(); ++i) {
    sum -= std::log(Probability(tokens.first(i), tokens[i]));
  }
  return std::exp(sum / static_cast<double>(tokens.size() - 1));
}

}  // namespace hat
