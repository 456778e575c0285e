// A TOML document as a flat list, for who compares two of them. Part of core/config.cc.
#pragma once

#include <map>
#include <string>

namespace hat {

// Every key of the text with its value as TOML: "link.latency_ms" -> "5". Lists of tables are
// stepped into ("fleet.class.0.count"). `name` stands for the file in messages. Throws InputError
// if the text is not TOML.
std::map<std::string, std::string> KeysOf(const std::string& text, const std::string& name);

}  // namespace hat
