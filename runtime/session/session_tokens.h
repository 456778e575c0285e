// What a session says. Free of torch.
#pragma once

#include <cstdint>
#include <vector>

#include "runtime/session/near_tie.h"

namespace hat {

// And which of its decisions were close.
struct SessionTokens {
  std::vector<int32_t> prompt;
  std::vector<int32_t> output;  // committed so far
  std::vector<NearTie> near_ties;
};

}  // namespace hat
