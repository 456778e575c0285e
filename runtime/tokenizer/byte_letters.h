// Byte-level tokenizers write each byte as a printable letter (GPT-2's bytes_to_unicode): those
// that are printable in Latin-1 as themselves, the other 68 as U+0100 and on. A space becomes
// U+0120.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace hat {

std::string ToByteLetters(std::string_view bytes);

// Nothing if a character of the UTF-8 text is no such letter.
std::optional<std::string> FromByteLetters(std::string_view letters);

}  // namespace hat
