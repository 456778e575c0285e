// Drafting without a model: what followed the text's last tokens when they stood there before
// ("prompt lookup", n-grams). Answers repeat their prompt and themselves. Free of torch.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

namespace hat {

struct Followed {
  int32_t token;
  int matched;  // how many of the text's last tokens stood before it, at most kLongestMatch
};
inline constexpr int kLongestMatch = 8;

// Where the longest run of the text's last tokens stood before, up to kLongestMatch of them; of
// several such places the latest. Nothing if even the last token is new.
std::optional<Followed> FollowedBefore(std::span<const int32_t> text);

// matched / (matched + 1): a rule by which longer matches are surer, not a measured share.
float LookupConfidence(const std::optional<Followed>& followed);

}  // namespace hat
