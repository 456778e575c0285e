#include "runtime/tokenizer/byte_letters.h"

#include <array>
#include <unordered_map>

#include "core/utf8.h"

namespace hat {
namespace {

constexpr bool IsPrintable(int byte) {
  return (byte >= '!' && byte <= '~') || (byte >= 0xA1 && byte <= 0xAC) || byte >= 0xAE;
}

// All letters are below U+0144, two bytes at most.
std::array<std::string, 256> MakeLetters() {
  std::array<std::string, 256> letters;
  int next = 0x100;
  for (int byte = 0; byte < 256; ++byte) {
    const int point = IsPrintable(byte) ? byte : next++;
    std::string& letter = letters[static_cast<size_t>(byte)];
    if (point < 0x80) {
      letter = static_cast<char>(point);
    } else {
      letter = {static_cast<char>(0xC0 | point >> 6), static_cast<char>(0x80 | (point & 0x3F))};
    }
  }
  return letters;
}

const std::array<std::string, 256>& Letters() {
  static const auto kLetters = MakeLetters();
  return kLetters;
}

}  // namespace

std::string ToByteLetters(std::string_view bytes) {
  std::string letters;
  for (const char byte : bytes) letters += Letters()[static_cast<unsigned char>(byte)];
  return letters;
}

std::optional<std::string> FromByteLetters(std::string_view letters) {
  static const auto kBytes = [] {
    std::unordered_map<std::string_view, char> bytes;
    for (size_t byte = 0; byte < 256; ++byte) bytes[Letters()[byte]] = static_cast<char>(byte);
    return bytes;
  }();
  std::string bytes;
  while (!letters.empty()) {
    const size_t length = Utf8Character(letters);
    const auto found = kBytes.find(letters.substr(0, length));
    if (length == 0 || found == kBytes.end()) return std::nullopt;
    bytes += found->second;
    letters.remove_prefix(length);
  }
  return bytes;
}

}  // namespace hat
