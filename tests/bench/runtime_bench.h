// What the runtime needs for its operations beside what the machine could do at best, measured in
// the same run: weight bytes over read bandwidth for decoding, operations over the rate of large
// products for prefill.
#pragma once

#include <string>

namespace hat {

struct RuntimeBench {
  std::string shape = "tinyllama-1.1b";  // a named shape; its layers are cut to `layers`
  int layers = 8;
  int threads = 0;  // 0: all cores
  int prompt_tokens = 512;
  int decode_tokens = 20;  // timed one by one, after a warm-up
};

// A table, row by row as they are measured, on stdout. Random weights; minutes.
void RunRuntimeBench(const RuntimeBench& bench);

}  // namespace hat
