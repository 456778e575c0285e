// Seconds as spans of the machine's steady clock.
#pragma once

#include <chrono>

namespace hat {

inline std::chrono::steady_clock::duration SteadySpan(double seconds) {
  return std::chrono::duration_cast<std::chrono::steady_clock::duration>(
      std::chrono::duration<double>(seconds));
}

}  // namespace hat
