// libFuzzer: whatever the text, the readers of measured links refuse it with an InputError or make
// a rate trace of it that reads back, unless it never sends.
#include <cstddef>
#include <cstdint>
#include <string>

#include "core/error.h"
#include "experiments/import/link_formats.h"
#include "experiments/scenario/rate_trace.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace hat;
  try {
    const LinkTrace trace =
        ReadLinkTrace("auto", {reinterpret_cast<const char*>(data), size}, "fuzzed");
    RateTrace::Parse(RateTraceCsv(trace), "written");
  } catch (const InputError&) {
  }
  return 0;
}
