#include "runtime/model/likeliest.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <span>

#include <ATen/ATen.h>

#include "core/error.h"

namespace hat {
namespace {

template <typename PerRow>
void ForEachRow(const at::Tensor& host, const PerRow& per_row) {
  for (int64_t row = 0; row < host.size(0); ++row) {
    const auto* const values = host.data_ptr<double>() + row * host.size(1);
    per_row(std::span<const double>(values, static_cast<size_t>(host.size(1))));
  }
}

}  // namespace

at::Tensor LogitsOnHost(const at::Tensor& logits) {
  const at::Tensor host = logits.to(at::kCPU, at::kDouble).contiguous();  // [n, vocabulary]
  HAT_CHECK(host.dim() == 2);
  const auto* const values = host.data_ptr<double>();
  if (std::any_of(values, values + host.numel(), [](double value) { return std::isnan(value); })) {
    throw RunError("the model's output is not a number (NaN): it overflows in this dtype");
  }
  return host;
}

std::vector<int32_t> GreedyTokens(const at::Tensor& logits) {
  std::vector<int32_t> tokens;
  ForEachRow(LogitsOnHost(logits), [&](std::span<const double> row) {
    tokens.push_back(static_cast<int32_t>(std::max_element(row.begin(), row.end()) - row.begin()));
  });
  return tokens;
}

std::vector<std::vector<Likely>> LikeliestTokens(const at::Tensor& logits, int k) {
  HAT_CHECK(1 <= k && k <= logits.size(1));
  std::vector<std::vector<Likely>> rows;
  ForEachRow(LogitsOnHost(logits), [&](std::span<const double> row) {
    std::vector<int32_t> order(row.size());
    std::iota(order.begin(), order.end(), 0);
    const auto before = [&](int32_t a, int32_t b) {
      return row[a] > row[b] || (row[a] == row[b] && a < b);
    };
    std::partial_sort(order.begin(), order.begin() + k, order.end(), before);
    std::vector<Likely>& likeliest = rows.emplace_back();
    for (int i = 0; i < k; ++i) likeliest.push_back({order[i], row[order[i]]});
  });
  return rows;
}

std::vector<float> Confidences(const at::Tensor& logits, double temperature) {
  HAT_CHECK(temperature > 0);
  std::vector<float> confidences;
  ForEachRow(LogitsOnHost(logits), [&](std::span<const double> row) {
    const double best = *std::max_element(row.begin(), row.end());
    double sum = 0;
    for (const double logit : row) sum += std::exp((logit - best) / temperature);
    confidences.push_back(static_cast<float>(1 / sum));
  });
  return confidences;
}

std::vector<int32_t> Ranks(const at::Tensor& logits, const std::vector<int32_t>& tokens) {
  HAT_CHECK(static_cast<int64_t>(tokens.size()) == logits.size(0));
  std::vector<int32_t> ranks;
  ForEachRow(LogitsOnHost(logits), [&](std::span<const double> row) {
    const int32_t token = tokens[ranks.size()];
    HAT_CHECK(0 <= token && token < static_cast<int32_t>(row.size()));
    int32_t rank = 1;
    for (int32_t other = 0; other < static_cast<int32_t>(row.size()); ++other) {
      rank += row[other] > row[token] || (row[other] == row[token] && other < token) ? 1 : 0;
    }
    ranks.push_back(rank);
  });
  return ranks;
}

}  // namespace hat
