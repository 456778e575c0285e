// Numbers of results as JSON.
#pragma once

#include <fmt/format.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <string>

namespace hat {

// 12 digits: what is after them is rounding noise. null stands for what is no number.
inline nlohmann::ordered_json JsonNumber(double value) {
  if (!std::isfinite(value)) return nullptr;
  return std::stod(fmt::format("{:.12g}", value));
}

}  // namespace hat
