#include "core/utf8.h"

#include <algorithm>

namespace hat {
namespace {

bool IsWithin(unsigned char byte, int low, int high) { return low <= byte && byte <= high; }

// What a text begins with: a character's bytes, of which `wanted` are wanted and `found` are right.
struct Beginning {
  size_t wanted = 0;  // 0: no character begins so
  size_t found = 0;
};

// The Unicode Standard's table of well-formed sequences: no overlong form, no surrogate, nothing
// above U+10FFFF. Only the second byte has other bounds than 80 to BF.
Beginning BeginningOf(std::string_view text) {
  const unsigned char lead = text.empty() ? 0xFF : text[0];
  if (lead < 0x80) return {1, 1};
  if (!IsWithin(lead, 0xC2, 0xF4)) return {0, 0};
  Beginning begun = {lead < 0xE0 ? size_t{2} : lead < 0xF0 ? size_t{3} : size_t{4}, 1};
  const int low = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
  const int high = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
  if (text.size() < 2 || !IsWithin(text[1], low, high)) return begun;
  const size_t most = std::min(begun.wanted, text.size());
  for (begun.found = 2; begun.found < most; ++begun.found) {
    if (!IsWithin(text[begun.found], 0x80, 0xBF)) break;
  }
  return begun;
}

}  // namespace

bool IsUtf8(std::string_view text) {
  for (std::string_view rest = text; !rest.empty();) {
    const size_t bytes = Utf8Character(rest);
    if (bytes == 0) return false;
    rest.remove_prefix(bytes);
  }
  return true;
}

size_t Utf8Character(std::string_view text) {
  const Beginning begun = BeginningOf(text);
  return begun.found == begun.wanted ? begun.wanted : 0;
}

std::string WithoutInvalidUtf8(std::string_view bytes) {
  std::string text;
  while (!bytes.empty()) {
    const Beginning begun = BeginningOf(bytes);
    const size_t taken = std::max(begun.found, size_t{1});
    text += begun.wanted > 0 && begun.found == begun.wanted ? bytes.substr(0, taken)
                                                            : kReplacementCharacter;
    bytes.remove_prefix(taken);
  }
  return text;
}

}  // namespace hat
