#include "core/range.h"

#include <fmt/format.h>

namespace hat {

bool Range::Contains(double value) const {
  return (low_is_open ? value > low : value >= low) && value <= high;
}

std::string Range::Text() const {
  return fmt::format("{} {:g} and <= {:g}", low_is_open ? ">" : ">=", low, high);
}

}  // namespace hat
