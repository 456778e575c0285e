// libFuzzer: whatever a tokenizer.json says, it is refused with an InputError or makes ids of text,
// and text of them. The first line of the input is the text.
#include <cstddef>
#include <cstdint>
#include <string>

#include "core/error.h"
#include "core/files.h"
#include "core/utf8.h"
#include "runtime/tokenizer/text_coder.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace hat;
  const std::string input(reinterpret_cast<const char*>(data), size);
  const size_t end = input.find('\n');
  if (end == std::string::npos) return 0;
  const std::string text = WithoutInvalidUtf8(input.substr(0, end));
  try {
    const auto coder = ParseTokenizerJson(input.substr(end + 1), "fuzzed");
    const auto ids = coder->Encode(text, true);
    for (const int32_t id : ids) HAT_CHECK(id >= 0 && id < coder->pieces());
    HAT_CHECK(IsUtf8(coder->Decode(ids)));
  } catch (const InputError&) {
  }
  return 0;
}
