#include "experiments/validate/equality.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <iterator>

namespace hat {
namespace {

struct Count {
  const char* name;
  int64_t RunRequest::*field;
};
constexpr Count kCounts[] = {{"tokens", &RunRequest::tokens},
                             {"rounds", &RunRequest::rounds},
                             {"drafted", &RunRequest::drafted},
                             {"accepted", &RunRequest::accepted}};
constexpr const char* kNeverCame = "never came";

std::vector<CountPair> DifferentCounts(const RequestPair& pair) {
  std::vector<CountPair> different;
  for (const Count& count : kCounts) {
    const int64_t simulated = pair.simulated->*count.field, live = pair.live->*count.field;
    if (simulated != live) different.push_back({count.name, simulated, live});
  }
  return different;
}

// The first of this request in a list that ascends by request; end if there is none.
template <class T>
auto FirstOf(const std::vector<T>& values, int request) {
  const auto found = std::ranges::lower_bound(values, request, {}, &T::request);
  return found != values.end() && found->request == request ? found : values.end();
}

bool HasOtherOutput(const Receipt& receipt, int request) {
  const auto output = FirstOf(receipt.outputs, request);
  return output != receipt.outputs.end() && !output->reference_sha256.empty() &&
         output->sha256 != output->reference_sha256;
}

bool IsCompleted(const RunRequest* request) { return request && request->is_completed(); }

void AddPair(const RequestPair& pair, const Receipt* receipt, uint64_t seed, Equality& equality) {
  const int request = (pair.simulated ? pair.simulated : pair.live)->request;
  if (!IsCompleted(pair.simulated) || !IsCompleted(pair.live)) {
    equality.unended.push_back({seed, request,
                                pair.simulated ? pair.simulated->outcome : kNeverCame,
                                pair.live ? pair.live->outcome : kNeverCame});
    return;
  }
  ++equality.compared;
  UnequalRequest unequal;
  unequal.seed = seed;
  unequal.request = request;
  unequal.counts = DifferentCounts(pair);
  unequal.has_other_output = receipt && HasOtherOutput(*receipt, request);
  if (unequal.counts.empty() && !unequal.has_other_output) return;
  if (receipt) {
    const auto cause = FirstOf(receipt->near_ties, request);
    if (cause != receipt->near_ties.end()) unequal.cause = *cause;
  }
  equality.unequal.push_back(std::move(unequal));
}

}  // namespace

int Equality::excused() const {
  return static_cast<int>(std::ranges::count_if(
      unequal, [](const UnequalRequest& request) { return request.cause.has_value(); }));
}

bool Equality::holds() const {
  const auto completed_once = [](const UnendedRequest& request) {
    return request.simulated == "completed" || request.live == "completed";
  };
  return unexplained() == 0 && std::ranges::none_of(unended, completed_once) &&
         int64_t{100} * excused() <= int64_t{kMostExcusedPercent} * compared;
}

void Equality::Add(Equality more) {
  compared += more.compared;
  std::ranges::move(more.unequal, std::back_inserter(unequal));
  std::ranges::move(more.unended, std::back_inserter(unended));
}

Equality CompareRequests(const std::vector<RequestPair>& pairs, const Receipt* receipt,
                         uint64_t seed) {
  Equality equality;
  for (const RequestPair& pair : pairs) AddPair(pair, receipt, seed, equality);
  return equality;
}

std::string WhatDiffers(const UnequalRequest& request) {
  std::vector<std::string> parts;
  for (const CountPair& count : request.counts) {
    parts.push_back(
        fmt::format("{} {} simulated, {} live", count.name, count.simulated, count.live));
  }
  if (request.has_other_output) parts.emplace_back("tokens other than the whole model's");
  if (!request.cause) return fmt::format("{}; unexplained", fmt::join(parts, "; "));
  const ReceiptNearTie& cause = *request.cause;
  return fmt::format("{}; excused: a near-tie of the {} at output {}, gap {:.2g}",
                     fmt::join(parts, "; "), cause.decision, cause.output_index, cause.gap);
}

}  // namespace hat
