// Tiny random models in fp64, and how far apart two tensors are.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <ATen/ATen.h>

#include "runtime/model/submodels.h"
#include "runtime/model/weights.h"

namespace hat {

inline const Compute kExact = {Dtype::kFloat64, "cpu"};
inline constexpr double kSame = 1e-12;  // fp64: only the order of sums differs

// 2 to 5 layers, 1 to 6 heads, grouped or not, separate or common head_dim, tied or not, each kind
// of rope scaling: by the seed.
ModelConfig TinyConfig(uint64_t seed);
Model TinyModel(uint64_t seed);

std::vector<int32_t> RandomIds(uint64_t seed, int count, int vocabulary);

// The largest difference, in parts of b's largest value; infinite if shapes differ or one is NaN.
double Distance(const at::Tensor& a, const at::Tensor& b);

// Layers 0..last - 1 on a fresh cache, all tokens in one piece. [ids.size(), hidden]
at::Tensor RunAlone(const InputModel& model, const std::vector<int32_t>& ids);

// Rows first..first + count - 1.
at::Tensor Rows(const at::Tensor& x, int64_t first, int64_t count);

std::vector<int32_t> Slice(const std::vector<int32_t>& values, int first, int count);

}  // namespace hat
