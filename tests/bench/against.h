// Two builds of hat simulate side by side in one run: the time of whole processes, by turns.
#pragma once

#include <string>

namespace hat {

// Plays the same runs with `earlier`, another build's hat-simulate, and with this build's, and
// prints both times and their ratio. Throws RunError where a program fails.
void CompareAgainst(const std::string& earlier);

}  // namespace hat
