#include "runtime/session/text_lookup.h"

#include <algorithm>

namespace hat {

std::optional<Followed> FollowedBefore(std::span<const int32_t> text) {
  std::optional<Followed> best;
  const auto size = static_cast<int>(text.size());
  for (int end = size - 1; end >= 1; --end) {  // text[end] followed text[..end - 1]
    int matched = 0;
    while (matched < std::min(end, kLongestMatch) &&
           text[static_cast<size_t>(end - 1 - matched)] ==
               text[static_cast<size_t>(size - 1 - matched)]) {
      ++matched;
    }
    if (matched > (best ? best->matched : 0)) best = {text[static_cast<size_t>(end)], matched};
    if (matched == kLongestMatch) break;
  }
  return best;
}

float LookupConfidence(const std::optional<Followed>& followed) {
  if (!followed) return 0;
  return static_cast<float>(followed->matched) / static_cast<float>(followed->matched + 1);
}

}  // namespace hat
