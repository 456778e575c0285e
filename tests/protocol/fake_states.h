// States that tell which positions they are of, so that fakes notice a state that went to the wrong
// place: the first four bytes of each hold its position, plus kDeep once the cloud has seen it.
#pragma once

#include <cstdint>
#include <cstring>
#include <vector>

#include "protocol/frame.h"

namespace hat {

inline constexpr int32_t kDeep = 1 << 24;

inline States MakeStates(const std::vector<int32_t>& positions, size_t bytes_each) {
  States states(positions.size() * bytes_each);
  for (size_t i = 0; i < positions.size(); ++i) {
    std::memcpy(states.data() + i * bytes_each, &positions[i], sizeof positions[i]);
  }
  return states;
}

inline std::vector<int32_t> PositionsOf(const States& states, size_t bytes_each) {
  std::vector<int32_t> positions(states.size() / bytes_each);
  for (size_t i = 0; i < positions.size(); ++i) {
    std::memcpy(&positions[i], states.data() + i * bytes_each, sizeof positions[i]);
  }
  return positions;
}

// first, first + 1, ..., each plus `mark`.
inline std::vector<int32_t> Consecutive(int first, int count, int32_t mark = 0) {
  std::vector<int32_t> positions;
  for (int i = 0; i < count; ++i) positions.push_back(first + i + mark);
  return positions;
}

}  // namespace hat
