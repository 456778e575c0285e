#include "runtime/model/weight_matrix.h"

#include <ATen/ATen.h>

namespace hat {

WeightMatrix Quantised(const at::Tensor& weight) {
  constexpr double kMost = 127;
  const at::Tensor wide = weight.to(at::kFloat);
  const at::Tensor largest = wide.abs().amax(1);               // [out]
  const at::Tensor scales = largest.clamp_min(1e-30) / kMost;  // a row of zeros stays one
  WeightMatrix matrix((wide / scales.unsqueeze(1)).round().to(at::kChar).contiguous());
  matrix.scales = scales;
  return matrix;
}

at::Tensor Dense(const WeightMatrix& matrix, at::ScalarType type) {
  if (!matrix.is_int8()) return matrix.values.to(type);
  return (matrix.values.to(at::kFloat) * matrix.scales.unsqueeze(1)).to(type);
}

at::Tensor RowsOf(const WeightMatrix& table, const at::Tensor& index) {
  const at::Tensor rows = table.values.index_select(0, index);
  if (!table.is_int8()) return rows;
  return rows.to(at::kFloat) * table.scales.index_select(0, index).unsqueeze(1);
}

}  // namespace hat
