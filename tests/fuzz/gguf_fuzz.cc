// libFuzzer: whatever the bytes, the GGUF reader refuses them with an InputError or gives tensors
// that lie in the file.
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "core/error.h"
#include "runtime/convert/gguf_file.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace hat;
  const auto file = std::as_bytes(std::span(data, size));
  try {
    const GgufContent gguf(file, "fuzzed");
    for (const auto& [name, tensor] : gguf.tensors()) {
      HAT_CHECK(tensor.bytes.data() >= file.data() &&
                tensor.bytes.data() + tensor.bytes.size() <= file.data() + file.size());
      std::vector<float> values(static_cast<size_t>(tensor.size()));
      Dequantize(tensor, 0, values);
    }
  } catch (const InputError&) {
  }
  return 0;
}
