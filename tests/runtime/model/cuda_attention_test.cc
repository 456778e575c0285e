// The kernels on a GPU, against the CPU; compiled where libtorch has CUDA, skipped without a GPU.
#include <gtest/gtest.h>
#include <torch/cuda.h>

#include "tests/runtime/model/ragged_batch.h"

namespace hat {
namespace {

class CudaAttentionTest : public testing::TestWithParam<int> {
 protected:
  void SetUp() override {
    if (!torch::cuda::is_available()) GTEST_SKIP() << "no GPU";
  }
};

// fp64 and a head size of 16 go through ATen there: the test's own check.
TEST_P(CudaAttentionTest, AGpuAttendsAsTheCpu) {
  const int head_dim = GetParam();
  for (const int kv_heads : {6, 2}) {
    RaggedBatchCase exact(6, kv_heads, head_dim, kExact);
    const at::Tensor expected = exact.Attend(exact.Parts());
    for (const auto& [dtype, tolerance] : {std::pair(Dtype::kFloat64, 1e-12),
                                           {Dtype::kFloat32, 1e-5},
                                           {Dtype::kFloat16, 0.01},
                                           {Dtype::kBfloat16, 0.08}}) {
      RaggedBatchCase on_gpu(6, kv_heads, head_dim, {dtype, "cuda:0"});
      EXPECT_LT(Distance(on_gpu.Attend(on_gpu.Parts()).cpu(), expected), tolerance)
          << Name(dtype) << " " << kv_heads;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(HeadDims, CudaAttentionTest, testing::Values(16, 32, 64, 128, 256));

}  // namespace
}  // namespace hat
