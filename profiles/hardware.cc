#include "profiles/hardware.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/error.h"

namespace hat {
namespace {

std::vector<Hardware> MakeTable() {
  return {
      {.name = "agx-xavier",
       .title = "NVIDIA Jetson AGX Xavier 32 GB",
       .memory_gib = 32,
       .modes = {{"maxn", 11.3, 136.5}, {"30w", 7.4, 102}, {"15w", 5.5, 85}, {"10w", 2.1, 68}},
       .gb_per_s = 100,
       .compute = {{1, 4.2}},
       .launch_us = 10,
       .kv_gb_per_s = 100,
       .attention_tflops = 2.5,
       .source = "compute: prefill of Qwen2.5-7B at 323 tokens/s (llama.cpp, Q6_K, MAXN), 37% of "
                 "the FP16 peak; peaks of "
                 "the modes: nvpmodel configurations of L4T",
       .assumed = "bandwidth (73% of the peak; no FP16 measurement found), attention (22% of the "
                  "FP16 peak, as on the A40), "
                  "launch; other modes scale with their peaks"},
      {.name = "agx-orin",
       .title = "NVIDIA Jetson AGX Orin 64 GB",
       .memory_gib = 64,
       .modes =
           {{"maxn", 42.5, 204.8}, {"50w", 26.7, 204.8}, {"30w", 10.0, 204.8}, {"15w", 5.0, 136.5}},
       .gb_per_s = 156,
       .compute = {{1, 16}},
       .tile_tokens = 128,
       .launch_us = 10,
       .kv_gb_per_s = 156,
       .attention_tflops = 9.4,
       .source = "mit-han-lab/llm-awq, tinychat README, AGX Orin, FP16: bandwidth from Vicuna-7B's "
                 "84.8 ms a token, compute and "
                 "tile from Llama-3-8B's prefill of 48 to 1056 tokens; peaks of the modes: "
                 "nvpmodel configurations of L4T",
       .assumed = "attention (22% of the FP16 peak, as on the A40), launch; other modes scale with "
                  "their peaks"},
      {.name = "orin-nx",
       .title = "NVIDIA Jetson Orin NX 16 GB",
       .memory_gib = 16,
       .modes = {{"maxn", 15, 102}},
       .gb_per_s = 77.7,
       .compute = {{1, 5.65}},
       .tile_tokens = 128,
       .launch_us = 10,
       .kv_gb_per_s = 77.7,
       .attention_tflops = 3.3,
       .source = "peaks: NVIDIA data sheet",
       .assumed = "all effective rates: the AGX Orin's shares of its peaks"},
      {.name = "orin-nano",
       .title = "NVIDIA Jetson Orin Nano 8 GB",
       .memory_gib = 8,
       .modes = {{"standard", 10, 68}, {"super", 16.7, 102}},
       .gb_per_s = 51.8,
       .compute = {{1, 3.76}},
       .tile_tokens = 128,
       .launch_us = 10,
       .kv_gb_per_s = 51.8,
       .attention_tflops = 2.2,
       .source = "peaks: NVIDIA data sheet",
       .assumed = "all effective rates: the AGX Orin's shares of its peaks"},
      {.name = "a6000",
       .title = "NVIDIA RTX A6000 48 GB",
       .memory_gib = 48,
       .modes = {{"", 154.8, 768}},
       .gb_per_s = 690,
       .compute = {{64, 41}, {128, 77}, {256, 84}, {384, 104}},
       .layer_us = 62,
       .layer_token_us = 0.8,
       .launch_us = 5,
       .attention_base_us = 5,
       .attention_sequence_us = 2.1,
       .attention_token_us = 0.1,
       .kv_gb_per_s = 717,
       .attention_tflops = 33,
       .rereads_kv_for_query_heads = true,
       .source = "casys-kaist/LLMServingSim 5daddb2, "
                 "profiler/v0/perf_models/A6000/meta-llama/Llama-3.1-8B/tp1/layers.csv (eager "
                 "kernels); attention: the A40's figures, the same chip, by the ratio of the "
                 "memory bandwidths",
       .assumed =
           "launch; that grouped queries save no reads (fits eight sequences at context 1k)"},
      {.name = "a40",
       .title = "NVIDIA A40 48 GB",
       .memory_gib = 48,
       .modes = {{"", 149.7, 696}},
       .gb_per_s = 555,
       .compute =
           {{32, 16.1}, {64, 28.5}, {128, 57}, {256, 79}, {512, 101}, {1024, 105}, {2048, 111}},
       .layer_us = 22,
       .layer_token_us = 0.35,
       .launch_us = 5,
       .attention_base_us = 5,
       .attention_sequence_us = 2.1,
       .attention_token_us = 0.1,
       .kv_gb_per_s = 650,
       .attention_tflops = 33,
       .source = "microsoft/vidur 7d47513, data/profiling/compute/a40/meta-llama/Llama-2-7b-hf, "
                 "mlp.csv and attention.csv "
                 "(fused kernels, FlashAttention)",
       .assumed = "launch"},
      {.name = "a100",
       .title = "NVIDIA A100 SXM 80 GB",
       .memory_gib = 80,
       .modes = {{"", 312, 2039}},
       .gb_per_s = 1540,
       .compute = {{1, 215}},
       .layer_us = 25,
       .layer_token_us = 0.18,
       .launch_us = 5,
       .attention_base_us = 5,
       .attention_sequence_us = 2.1,
       .attention_token_us = 0.05,
       .kv_gb_per_s = 1900,
       .attention_tflops = 69,
       .source = "microsoft/vidur 7d47513, data/profiling/compute/a100: effective bandwidth, "
                 "compute and overheads",
       .assumed =
           "attention (93% of the peak bandwidth and 22% of the FP16 peak, as on the A40), launch"},
      {.name = "h100",
       .title = "NVIDIA H100 SXM 80 GB",
       .memory_gib = 80,
       .modes = {{"", 989, 3350}},
       .gb_per_s = 2600,
       .compute = {{384, 630}, {2048, 768}},
       .layer_us = 21,
       .layer_token_us = 0.10,
       .launch_us = 5,
       .attention_base_us = 5,
       .attention_sequence_us = 2.1,
       .attention_token_us = 0.03,
       .kv_gb_per_s = 3115,
       .attention_tflops = 218,
       .source = "microsoft/vidur 7d47513, data/profiling/compute/h100: effective bandwidth, "
                 "compute and overheads",
       .assumed = "where in 384..2048 tokens compute rises from 630 to 768 TFLOPS, attention (93% "
                  "of the peak bandwidth and 22% of "
                  "the FP16 peak, as on the A40), launch"},
  };
}

}  // namespace

const std::vector<Hardware>& HardwareTable() {
  static const std::vector<Hardware> table = MakeTable();
  return table;
}

std::string HardwareMode::Id() const {
  return mode->name.empty() ? hardware->name : hardware->name + "-" + mode->name;
}

HardwareMode FindHardware(const std::string& name) {
  const size_t colon = name.find(':');
  const std::string base = name.substr(0, colon);
  std::vector<std::string> known;
  for (const Hardware& hardware : HardwareTable()) {
    known.push_back(hardware.name);
    if (hardware.name != base) continue;
    if (colon == std::string::npos) return {&hardware, &hardware.modes[0]};
    std::vector<std::string> modes;
    for (const PowerMode& mode : hardware.modes) {
      if (!mode.name.empty()) modes.push_back(mode.name);
      if (!mode.name.empty() && mode.name == name.substr(colon + 1)) return {&hardware, &mode};
    }
    throw InputError(
        fmt::format("unknown power mode in '{}'; {} has: {}", name, base,
                    modes.empty() ? "none" : fmt::format("{}", fmt::join(modes, ", "))));
  }
  throw InputError(fmt::format("unknown hardware '{}'; known: {}", base, fmt::join(known, ", ")));
}

}  // namespace hat
