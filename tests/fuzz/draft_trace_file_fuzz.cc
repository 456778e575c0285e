// libFuzzer: whatever the bytes, the reader of draft traces refuses them with an InputError or
// gives a trace that is written as the same rows. The checksum is set right here, or nothing would
// get past it.
#include <cstddef>
#include <cstdint>
#include <string>

#include "core/error.h"
#include "core/files.h"
#include "experiments/traces/draft_trace.h"

namespace {

std::string Sealed(std::string bytes) {
  const std::string hex = hat::Sha256Hex(bytes);
  for (size_t i = 0; i < hex.size(); i += 2) {
    bytes.push_back(static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16)));
  }
  return bytes;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using hat::DraftTrace;
  const std::string sealed = Sealed({reinterpret_cast<const char*>(data), size});
  try {
    const DraftTrace trace = DraftTrace::FromBytes(sealed, "fuzzed");
    const std::string written = trace.ToBytes();
    HAT_CHECK(DraftTrace::FromBytes(written, "written").ToBytes() == written);
  } catch (const hat::InputError&) {
  }
  return 0;
}
