// Numbers as text, the same in every locale.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace hat {

// The number that the whole text stands for ("0.5", "-1e3"); nothing if it is none.
std::optional<double> ParseDecimal(std::string_view text);

// The integer that `value` is, up to 2^53 on either side of 0; nothing for 20.5.
std::optional<int64_t> WholeNumber(double value);

// The integer that the whole text stands for: "20", or "20.0", as other programs write a column of
// integers that has gaps.
std::optional<int64_t> ParseInteger(std::string_view text);

// The shortest text that reads back equal.
std::string ShortestDecimal(double value);

}  // namespace hat
