// libFuzzer: whatever the bytes, the reader of torch's pickles refuses them with an InputError or
// gives tensors.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "core/error.h"
#include "runtime/convert/pickle.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace hat;
  try {
    for (const auto& [name, tensor] :
         ReadPickledTensors({reinterpret_cast<const char*>(data), size}, "fuzzed")) {
      HAT_CHECK(tensor.shape.size() == tensor.strides.size() && tensor.offset >= 0);
    }
  } catch (const InputError&) {
  }
  return 0;
}
