// The CUDA kernels of attention, without torch: only builds with CUDA have them.
#pragma once

#include <cuda_runtime_api.h>

#include "runtime/model/ragged_attention.h"

namespace hat {

enum class CudaNumber { kFloat32, kFloat16, kBfloat16 };

// 32, 64, 128 and 256.
bool HasCudaAttention(int head_dim);

// One layer of a batch, in two launches that the stream orders; waits for nothing. Everything is in
// the device's memory. qkv [rows, heads + 2 kv_heads, head_dim]: its queries are rotated in place,
// its keys, rotated, and values go into the caches. cos, sin [positions, head_dim / 2]. out [rows,
// heads, head_dim]. A launch that fails leaves its error for cudaGetLastError().
void LaunchCudaAttention(CudaNumber number, const RaggedBatch& batch, const RaggedHeads& shape,
                         int layer, void* qkv, const float* cos, const float* sin, void* out,
                         cudaStream_t stream);

}  // namespace hat
