// The objects of a file of JSON: one a line, or the elements of an array.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "core/strict_json.h"

namespace hat {

// Calls `each` for one object after the other, of which it holds one at a time. Their errors name
// file and line. Throws InputError for what is no JSON, or no object. `each` says whether to go on.
void ForEachJsonObject(std::string_view text, const std::string& name,
                       const std::function<bool(const JsonNode&)>& each);

}  // namespace hat
