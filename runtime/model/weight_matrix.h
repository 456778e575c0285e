// A matrix of weights as products read it: in the compute's type or, on the CPU, as int8 with a
// scale a row. Decoding takes the time of reading weights: int8 is half of bf16, a quarter of fp32.
#pragma once

#include <utility>

#include <ATen/core/Tensor.h>

namespace hat {

struct WeightMatrix {
  WeightMatrix() = default;
  WeightMatrix(at::Tensor its_values) : values(std::move(its_values)) {}  // as it is

  bool defined() const { return values.defined(); }
  bool is_int8() const { return scales.defined(); }

  at::Tensor values;  // [out, in]
  at::Tensor scales;  // [out], fp32: of int8 values; undefined: values are what they are
};

// scales[o] = the largest |weight[o, k]| / 127, values = weight / scale to the nearest.
WeightMatrix Quantised(const at::Tensor& weight);

// The matrix written out, [out, in], in this type.
at::Tensor Dense(const WeightMatrix& matrix, at::ScalarType type);

// Rows of a table, written out, [index.numel(), in]: fp32 of int8, else as stored. index int64.
at::Tensor RowsOf(const WeightMatrix& table, const at::Tensor& index);

}  // namespace hat
