// Numbers as result files have them.
#pragma once

#include <fmt/format.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <string>

namespace hat {

// 12 digits: what is after them is rounding noise. null stands for what was not measured.
inline nlohmann::ordered_json JsonNumber(double value) {
  if (!std::isfinite(value)) return nullptr;
  return std::stod(fmt::format("{:.12g}", value));
}

}  // namespace hat
