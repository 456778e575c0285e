// Text from outside: is it UTF-8? Results are JSON and TOML, which hold nothing else.
#pragma once

#include <string_view>

namespace hat {

bool IsUtf8(std::string_view text);

}  // namespace hat
