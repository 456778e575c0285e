#include "runtime/model/cuda_kernels.h"

#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include <type_traits>

namespace hat {

template <>
struct Number<__half> {
  static __device__ __forceinline__ float Widen(__half value) { return __half2float(value); }
  static __device__ __forceinline__ __half Narrow(float value) { return __float2half_rn(value); }
};
template <>
struct Number<__nv_bfloat16> {
  static __device__ __forceinline__ float Widen(__nv_bfloat16 value) {
    return __bfloat162float(value);
  }
  static __device__ __forceinline__ __nv_bfloat16 Narrow(float value) {
    return __float2bfloat16_rn(value);
  }
};

namespace {

constexpr int kLanes = 32;
constexpr int kWarps = 8;  // of a block; each takes a share of the slots

class Warp {
 public:
  __device__ int lane() const { return static_cast<int>(threadIdx.x) % kLanes; }
  __device__ float Sum(float value) const {
    for (int distance = kLanes / 2; distance > 0; distance /= 2) {
      value += __shfl_xor_sync(0xffffffffU, value, distance);
    }
    return value;  // the same bits in every lane
  }
};

// A block a row.
template <typename T>
__global__ void RotateAndStore(RaggedBatch batch, RaggedHeads shape, int layer, T* qkv,
                               const float* cos, const float* sin) {
  const int row = static_cast<int>(blockIdx.x);
  const int pairs = shape.head_dim / 2;
  const int all = (shape.heads + 2 * shape.kv_heads) * pairs;
  for (int i = static_cast<int>(threadIdx.x); i < all; i += static_cast<int>(blockDim.x)) {
    RotateAndStorePair(batch, shape, layer, qkv, cos, sin, row, i / pairs, i % pairs);
  }
}

// What the warps of a block have found.
template <int kHeadDim>
struct Found {
  float largest[kWarps][kTileQueries];
  float sum[kWarps][kTileQueries];
  float values[kWarps][kTileQueries][kHeadDim];
};

template <typename T, int kQueries, int kDims>
__device__ void AttendTile(const RaggedBatch& batch, const RaggedHeads& shape, int layer,
                           const T* qkv, const RaggedTile& tile, T* out,
                           Found<kLanes * kDims>& found) {
  const Warp warp;
  const int share = static_cast<int>(threadIdx.x) / kLanes;
  const int first_dim = warp.lane() * kDims;
  const int kv_head = static_cast<int>(blockIdx.y);
  PartialAttention<kDims> partials[kQueries];
  AttendShare<T, kQueries>(batch, shape, layer, qkv, tile, kv_head, share, kWarps, warp, partials);
  HAT_UNROLL for (int i = 0; i < kQueries; ++i) {
    found.largest[share][i] = partials[i].largest;
    found.sum[share][i] = partials[i].sum;
    HAT_UNROLL for (int dim = 0; dim < kDims; ++dim) {
      found.values[share][i][first_dim + dim] = partials[i].values[dim];
    }
  }
  __syncthreads();

  const RaggedSequence sequence = batch.sequences[tile.sequence];
  const int i = share;  // now a warp finishes a query
  if (i >= kQueries || tile.first_query + i >= QueriesOf(sequence, shape)) return;
  PartialAttention<kDims> whole;
  for (int other = 0; other < kWarps; ++other) {
    Merge(found.largest[other][i], found.sum[other][i], found.values[other][i] + first_dim, whole);
  }
  const QueryPlace place = PlaceOf(sequence, shape, kv_head, tile.first_query + i);
  T* const to = out + (int64_t{place.row} * shape.heads + place.head) * shape.head_dim + first_dim;
  HAT_UNROLL for (int dim = 0; dim < kDims; ++dim) {
    to[dim] = Number<T>::Narrow(whole.values[dim] / whole.sum);
  }
}

// A block a tile (x) and key head (y).
template <typename T, int kDims>
__global__ void __launch_bounds__(kWarps* kLanes)
    Attend(RaggedBatch batch, RaggedHeads shape, int layer, const T* qkv, T* out) {
  static_assert(kTileQueries <= kWarps, "a warp finishes a query");
  __shared__ Found<kLanes * kDims> found;
  const RaggedTile tile = batch.tiles[blockIdx.x];
  const bool is_lone = QueriesOf(batch.sequences[tile.sequence], shape) - tile.first_query == 1;
  if (is_lone) {  // decoding without grouped queries
    AttendTile<T, 1, kDims>(batch, shape, layer, qkv, tile, out, found);
  } else {
    AttendTile<T, kTileQueries, kDims>(batch, shape, layer, qkv, tile, out, found);
  }
}

template <typename T>
void Launch(const RaggedBatch& batch, const RaggedHeads& shape, int layer, T* qkv, const float* cos,
            const float* sin, T* out, cudaStream_t stream) {
  constexpr int kThreads = kWarps * kLanes;
  RotateAndStore<<<batch.row_count, kThreads, 0, stream>>>(batch, shape, layer, qkv, cos, sin);
  const dim3 grid(batch.tile_count, shape.kv_heads);
  const auto attend = [&](auto* kernel) {
    kernel<<<grid, kThreads, 0, stream>>>(batch, shape, layer, qkv, out);
  };
  switch (shape.head_dim / kLanes) {
    case 1:
      return attend(Attend<T, 1>);
    case 2:
      return attend(Attend<T, 2>);
    case 4:
      return attend(Attend<T, 4>);
    case 8:
      return attend(Attend<T, 8>);
    default:
      return;  // HasCudaAttention
  }
}

}  // namespace

bool HasCudaAttention(int head_dim) {
  return head_dim == 32 || head_dim == 64 || head_dim == 128 || head_dim == 256;
}

void LaunchCudaAttention(CudaNumber number, const RaggedBatch& batch, const RaggedHeads& shape,
                         int layer, void* qkv, const float* cos, const float* sin, void* out,
                         cudaStream_t stream) {
  const auto launch = [&](auto* of_type) {
    using T = std::remove_pointer_t<decltype(of_type)>;
    Launch(batch, shape, layer, static_cast<T*>(qkv), cos, sin, static_cast<T*>(out), stream);
  };
  switch (number) {
    case CudaNumber::kFloat32:
      return launch(static_cast<float*>(nullptr));
    case CudaNumber::kFloat16:
      return launch(static_cast<__half*>(nullptr));
    case CudaNumber::kBfloat16:
      return launch(static_cast<__nv_bfloat16*>(nullptr));
  }
}

}  // namespace hat
