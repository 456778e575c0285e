// libFuzzer: whatever the text, the readers of request traces refuse it with an InputError or make
// a workload of it.
#include <cstddef>
#include <cstdint>
#include <string>

#include "core/csv.h"
#include "experiments/import/request_formats.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace hat;
  try {
    RequestTrace trace = ReadRequestTrace("auto", {reinterpret_cast<const char*>(data), size},
                                          "fuzzed", {.tokens_per_word = 1.5})
                             .trace;
    CutTrace(trace, {}, "fuzzed");
    const CsvFile csv = CsvFile::Parse(WorkloadCsv(trace), "written");
    HAT_CHECK(csv.rows() == trace.tally.kept());
  } catch (const InputError&) {
  }
  return 0;
}
