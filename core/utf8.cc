#include "core/utf8.h"

#include <string_view>

namespace hat {
namespace {

bool IsWithin(unsigned char byte, int low, int high) { return low <= byte && byte <= high; }

// How many bytes the character takes that the text begins with; 0 if it begins with none. The
// Unicode Standard's table of well-formed sequences: no overlong form, no surrogate, nothing above
// U+10FFFF. Only the second byte has other bounds than 80 to BF.
size_t FirstCharacter(std::string_view text) {
  const unsigned char lead = text[0];
  if (lead < 0x80) return 1;
  if (!IsWithin(lead, 0xC2, 0xF4)) return 0;
  const size_t bytes = lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  if (text.size() < bytes) return 0;
  const int low = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
  const int high = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
  if (!IsWithin(text[1], low, high)) return 0;
  for (size_t i = 2; i < bytes; ++i) {
    if (!IsWithin(text[i], 0x80, 0xBF)) return 0;
  }
  return bytes;
}

}  // namespace

bool IsUtf8(std::string_view text) {
  for (std::string_view rest = text; !rest.empty();) {
    const size_t bytes = FirstCharacter(rest);
    if (bytes == 0) return false;
    rest.remove_prefix(bytes);
  }
  return true;
}

}  // namespace hat
