// The CPU's attention beside the same of ATen's operations, in one run.
#pragma once

namespace hat {

// A table on stdout; seconds.
void BenchAttention();

}  // namespace hat
