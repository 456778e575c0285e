// What a session says. Free of torch.
#pragma once

#include <cstdint>
#include <vector>

#include "runtime/session/near_tie.h"

namespace hat {

// A drafted token, and whether the target's was the same.
struct Proposal {
  int32_t token = 0;
  bool is_kept = false;
};

// And which of its decisions were close.
struct SessionTokens {
  std::vector<int32_t> prompt;
  std::vector<int32_t> output;  // committed so far
  std::vector<NearTie> near_ties;
  // That the newest verification was about; a tree's by node.
  std::vector<Proposal> proposals = {};
};

}  // namespace hat
