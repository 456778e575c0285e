#include "runtime/model/cuda_attention.h"

#include <ATen/ATen.h>
#include <c10/cuda/CUDAException.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>

#include "core/error.h"
#include "runtime/model/cuda_kernels.h"
#include "runtime/model/torch_compute.h"

namespace hat {
namespace {

CudaNumber NumberOf(at::ScalarType type) {
  if (type == at::kHalf) return CudaNumber::kFloat16;
  if (type == at::kBFloat16) return CudaNumber::kBfloat16;
  HAT_CHECK(type == at::kFloat, "no kernel for this type");
  return CudaNumber::kFloat32;
}

}  // namespace

bool ServesCudaAttention(const Compute& compute, int head_dim) {
  return DeviceOf(compute).is_cuda() && compute.dtype != Dtype::kFloat64 &&
         HasCudaAttention(head_dim);
}

at::Tensor CudaAttention(at::Tensor& qkv, const AttentionShape& shape, const RotaryTable& rotary,
                         const RaggedBatch& batch, int layer) {
  HAT_CHECK(qkv.is_contiguous() && rotary.cos.is_contiguous() && rotary.sin.is_contiguous());
  const c10::cuda::CUDAGuard guard(qkv.device());
  at::Tensor out = at::empty({qkv.size(0), int64_t{shape.heads} * shape.head_dim}, qkv.options());
  LaunchCudaAttention(NumberOf(qkv.scalar_type()), batch,
                      {shape.heads, shape.kv_heads, shape.head_dim}, layer, qkv.data_ptr(),
                      rotary.cos.data_ptr<float>(), rotary.sin.data_ptr<float>(), out.data_ptr(),
                      c10::cuda::getCurrentCUDAStream(qkv.device().index()).stream());
  C10_CUDA_KERNEL_LAUNCH_CHECK();
  return out;
}

}  // namespace hat
