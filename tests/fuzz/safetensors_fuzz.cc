// libFuzzer: whatever the bytes, the safetensors reader refuses them with an InputError or gives
// tensors that tile the file.
#include <cstddef>
#include <cstdint>
#include <span>

#include "core/error.h"
#include "runtime/model/safetensors.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace hat;
  const auto file = std::as_bytes(std::span(data, size));
  try {
    const SafetensorsContent content = ParseSafetensors(file, "fuzzed");
    size_t in_tensors = 0;
    for (const auto& [name, tensor] : content.tensors) {
      size_t elements = 1;
      for (const int64_t extent : tensor.shape) elements *= static_cast<size_t>(extent);
      HAT_CHECK(elements * static_cast<size_t>(BytesPerElement(tensor.type)) ==
                tensor.bytes.size());
      HAT_CHECK(tensor.bytes.empty() ||
                (tensor.bytes.data() >= file.data() &&
                 tensor.bytes.data() + tensor.bytes.size() <= file.data() + file.size()));
      in_tensors += tensor.bytes.size();
    }
    HAT_CHECK(in_tensors <= file.size());
  } catch (const InputError&) {
  }
  return 0;
}
