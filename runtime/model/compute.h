// What a model is computed in, and where. Free of torch, so that programs can hold it.
#pragma once

#include <string>

#include "core/dtype.h"

namespace hat {

struct Compute {
  Dtype dtype = Dtype::kFloat32;
  std::string device = "cpu";     // or "cuda", "cuda:N"
  bool has_int8_weights = false;  // matrices are kept as int8 (weight_matrix.h): the CPU's, for
                                  // fp32 and bf16
};

// Throws InputError if there is no such device here, or it has no such arithmetic (fp16 on the
// CPU, int8 weights elsewhere).
void CheckCompute(const Compute& compute);

// Threads inside one operation, for the whole process; call it before the first operation. >= 1.
void SetThreads(int threads);

// Waits until the device has finished all work that was started on it. Nothing to do on the CPU.
void Synchronize(const Compute& compute);

}  // namespace hat
