// Benchmarks of the parts that a simulated round spends its time in.
#pragma once

namespace hat {

void RegisterMicroBenchmarks();

}  // namespace hat
