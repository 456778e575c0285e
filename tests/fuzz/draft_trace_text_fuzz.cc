// libFuzzer: whatever the text, the reader of draft traces as text refuses it with an InputError or
// gives a trace that survives the way to text and back.
#include <cstddef>
#include <cstdint>
#include <string>

#include "core/error.h"
#include "experiments/traces/draft_trace_text.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace hat;
  try {
    const DraftTrace trace =
        ParseDraftTraceText({reinterpret_cast<const char*>(data), size}, "fuzzed");
    const DraftTrace again = ParseDraftTraceText(DraftTraceText(trace), "written");
    HAT_CHECK(again.ToBytes() == trace.ToBytes());
  } catch (const InputError&) {
  }
  return 0;
}
