// Floating-point numbers as text, the same in every locale.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace hat {

// The number that the whole text stands for ("0.5", "-1e3"); nothing if it is none.
std::optional<double> ParseDecimal(std::string_view text);

// The shortest text that reads back equal.
std::string ShortestDecimal(double value);

}  // namespace hat
