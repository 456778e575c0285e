// "--set key.path=value": changes to a parsed TOML document. Only for core/config.cc.
#pragma once

#include <toml++/toml.h>

#include <string>

namespace hat {

// The table {value = ...}: the text read as TOML or, if it is none, as a plain string.
toml::table ParseValue(const std::string& text);

// Sets the key to the value, which is read as TOML (1, 0.5, true, "x", [1, 2], {a = 1}) or, if it
// is none, as a plain string. Tables on the way are made; a number steps into an array
// (fleet.class.0.count). Returns the path of the outermost thing that it made: the key, or the
// first table on the way that was not there. Throws InputError if `text` has no '=', an empty name
// in its path, or a path through something that is no table.
std::string ApplyOverride(toml::table& document, const std::string& text);

}  // namespace hat
