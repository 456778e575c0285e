// What a model is computed in, and where. Free of torch, so that programs can hold it.
#pragma once

#include <string>

#include "core/dtype.h"

namespace hat {

struct Compute {
  Dtype dtype = Dtype::kFloat32;
  std::string device = "cpu";  // or "cuda", "cuda:N"
};

// Throws InputError if there is no such device here, or it has no such arithmetic (fp16 on the
// CPU).
void CheckCompute(const Compute& compute);

// Threads inside one operation, for the whole process; call it before the first operation. >= 1.
void SetThreads(int threads);

// Waits until the device has finished all work that was started on it. Nothing to do on the CPU.
void Synchronize(const Compute& compute);

}  // namespace hat
