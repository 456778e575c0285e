// Text from outside: is it UTF-8? Results are JSON and TOML, which hold nothing else.
#pragma once

#include <string>

namespace hat {

bool IsUtf8(const std::string& text);

}  // namespace hat
