// What a file is that cannot be read as what it should be: for errors that say so, not for reading.
#pragma once

#include <string>
#include <string_view>

namespace hat {

// By the first bytes, what a file seems to be that is no text to read, and what to do ("is
// compressed with gzip: unpack it first"); empty if they say nothing.
std::string BinaryFormat(std::string_view content);

// "JSON lines", "a JSON object" or "a JSON array", if the text begins like one; else empty.
std::string JsonFormat(std::string_view text);

}  // namespace hat
