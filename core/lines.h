// A text's lines, one after the other; and what stands between commas.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

namespace hat {

// Calls `each(line, number)` for every line that holds more than blanks. A line is without its end,
// LF or CRLF, which the last one may lack; numbers count all lines, from 1.
template <typename Each>
void ForEachLine(std::string_view text, const Each& each) {
  int number = 0;
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    std::string_view line = text.substr(begin, end - begin);
    begin = end + 1;
    ++number;
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.find_first_not_of(" \t") != std::string_view::npos) each(line, number);
  }
}

// The parts as they stand: one at least, and an empty one where two commas meet or nothing is left.
inline std::vector<std::string> SplitAtCommas(std::string_view text) {
  std::vector<std::string> parts;
  for (size_t begin = 0; begin <= text.size();) {
    const size_t end = std::min(text.find(',', begin), text.size());
    parts.emplace_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return parts;
}

}  // namespace hat
