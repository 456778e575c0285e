#include "core/decimal.h"

#include <charconv>
#include <cmath>
#include <cstdlib>
#include <system_error>

#include <fmt/format.h>

namespace hat {

std::optional<double> ParseDecimal(std::string_view text) {
  double value = 0;
#if defined(__cpp_lib_to_chars)
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
#else  // GCC 10 (JetPack 5); programs run in the locale "C"
  const std::string copy(text);
  if (copy.empty() || copy.find_first_of(" \t\n\v\f\r+") == 0 ||
      copy.find_first_of("xX") != std::string::npos) {
    return std::nullopt;
  }
  char* end = nullptr;
  value = std::strtod(copy.c_str(), &end);
  if (end != copy.c_str() + copy.size()) return std::nullopt;
#endif
  return value;
}

std::optional<int64_t> WholeNumber(double value) {
  constexpr double kLargest = 9007199254740992;  // beyond it a double is no single integer
  if (!(std::abs(value) <= kLargest) || value != std::trunc(value)) return std::nullopt;
  return static_cast<int64_t>(value);
}

std::optional<int64_t> ParseInteger(std::string_view text) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc() && end == text.data() + text.size()) return value;
  const std::optional<double> number = ParseDecimal(text);
  return number ? WholeNumber(*number) : std::nullopt;
}

std::string ShortestDecimal(double value) { return fmt::format("{}", value); }

}  // namespace hat
