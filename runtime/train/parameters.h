// The tensors in training as one long vector, so that an optimizer's step, a gradient's norm and a
// checkpoint are a few operations, whatever the number of tensors.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>

#include "runtime/model/compute.h"

namespace hat {

class Parameters {
 public:
  // Named tensors of these shapes, all zero. Values are held in fp32 (fp64 compute: fp64), whatever
  // the compute's dtype.
  Parameters(const std::map<std::string, std::vector<int64_t>>& shapes, const Compute& compute);

  // The leaf that a loss is computed from, in the compute's dtype; its gradient adds up over
  // backward calls until ClearGradient().
  const at::Tensor& Leaf(const std::string& name) const;

  // A view of the values, in their shape: what is written there is seen by Leaf() after Publish().
  std::map<std::string, at::Tensor> Values() const;
  void Publish();

  // Everything, [size()]. Matrices (and whatever has more dimensions) come first, matrix_size()
  // elements of them; vectors follow.
  const at::Tensor& flat() const { return values_; }
  int64_t size() const { return values_.numel(); }
  int64_t matrix_size() const { return matrix_size_; }

  // Where a tensor lies in flat().
  struct Slot {
    std::string name;
    int64_t start = 0;
    std::vector<int64_t> shape;
  };
  const std::vector<Slot>& slots() const { return slots_; }

  // The sum of the gradients since ClearGradient(), in the dtype of the values. [size()]
  at::Tensor gradient() const;
  void ClearGradient();

 private:
  std::vector<Slot> slots_;
  std::map<std::string, at::Tensor> leaves_;
  at::Tensor values_;          // [size], fp32 or fp64
  at::Tensor leaf_values_;     // [size], the compute's dtype; values_ itself where that is the same
  at::Tensor leaf_gradients_;  // [size], the compute's dtype
  int64_t matrix_size_ = 0;
};

}  // namespace hat
