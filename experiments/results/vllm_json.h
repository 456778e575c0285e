// A run's summary under the keys of `vllm bench serve --save-result`, so that what reads and plots
// vLLM's results reads ours. The keys and their definitions are those of vllm/benchmarks/serve.py
// at commit 009e6d4; which stand for what, and which are left out: docs/metrics.md.
#pragma once

#include <string>

#include "experiments/results/results.h"
#include "experiments/watch/recorder.h"

namespace hat {

// One JSON object. A key of something that the run did not measure is left out, where vLLM writes
// 0.
std::string VllmJson(const Recorder& recorder, const RunInfo& info);

}  // namespace hat
