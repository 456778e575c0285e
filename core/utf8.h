// Text from outside: is it UTF-8? Results are JSON and TOML, which hold nothing else.
#pragma once

#include <string>
#include <string_view>

namespace hat {

bool IsUtf8(std::string_view text);

// How many bytes the character takes that the text begins with; 0 if it begins with none.
size_t Utf8Character(std::string_view text);

inline constexpr std::string_view kReplacementCharacter = "\xEF\xBF\xBD";  // U+FFFD

// Each sequence that makes no character, as long as it could still have become one, is a U+FFFD
// (the Unicode Standard's recommendation).
std::string WithoutInvalidUtf8(std::string_view bytes);

}  // namespace hat
