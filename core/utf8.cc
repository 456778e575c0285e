#include "core/utf8.h"

#include <nlohmann/json.hpp>

namespace hat {

// nlohmann's writer is a strict checker.
bool IsUtf8(const std::string& text) {
  try {
    (void)nlohmann::json(text).dump();
    return true;
  } catch (const nlohmann::json::exception&) {
    return false;
  }
}

}  // namespace hat
