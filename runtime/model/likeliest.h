// Decisions on logits: greedy tokens, their confidence, ranks. Ties go to the lowest id. These read
// results back from a GPU, so they end a step.
#pragma once

#include <cstdint>
#include <vector>

#include <ATen/core/Tensor.h>

namespace hat {

// The rows on the host in fp64, which is what all below work on: who decides more than one thing
// reads a GPU's back once. logits [n, vocabulary], n >= 0. Throws RunError if one is NaN.
at::Tensor LogitsOnHost(const at::Tensor& logits);

// The likeliest token of each row.
std::vector<int32_t> GreedyTokens(const at::Tensor& logits);

struct Likely {
  int32_t token;
  double logit;
};
// The k likeliest of each row, likeliest first. 1 <= k <= vocabulary.
std::vector<std::vector<Likely>> LikeliestTokens(const at::Tensor& logits, int k);

// Of each row, the likeliest token's probability under softmax(logits / temperature), in fp32.
// Temperature > 0.
std::vector<float> Confidences(const at::Tensor& logits, double temperature);

// Of each row, the rank of a token: 1 + how many come before it. tokens: one per row.
std::vector<int32_t> Ranks(const at::Tensor& logits, const std::vector<int32_t>& tokens);

}  // namespace hat
