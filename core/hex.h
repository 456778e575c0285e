// Bytes as hexadecimal digits, two each.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace hat {

std::string HexOf(std::string_view bytes);  // "0a1f": small letters
// The other way, capitals too; nothing for text that is no such digits, or an odd number of them.
std::optional<std::string> BytesOfHex(std::string_view hex);

}  // namespace hat
