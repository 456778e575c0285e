#include "runtime/train/parameters.h"

#include <ATen/ATen.h>

#include "core/error.h"
#include "runtime/model/torch_compute.h"

namespace hat {
namespace {

int64_t Count(const std::vector<int64_t>& shape) { return c10::multiply_integers(shape); }

at::Tensor View(const at::Tensor& flat, const Parameters::Slot& slot) {
  return flat.narrow(0, slot.start, Count(slot.shape)).view(slot.shape);
}

}  // namespace

Parameters::Parameters(const std::map<std::string, std::vector<int64_t>>& shapes,
                       const Compute& compute) {
  int64_t total = 0;
  for (const bool is_matrix : {true, false}) {
    for (const auto& [name, shape] : shapes) {
      if ((shape.size() > 1) != is_matrix) continue;
      slots_.push_back({name, total, shape});
      total += Count(shape);
    }
    if (is_matrix) matrix_size_ = total;
  }
  const at::TensorOptions options = OptionsOf(compute);
  const bool is_wide = compute.dtype == Dtype::kFloat64 || compute.dtype == Dtype::kFloat32;
  leaf_values_ = at::zeros({total}, options);
  leaf_gradients_ = at::zeros({total}, options);
  values_ = is_wide ? leaf_values_ : at::zeros({total}, options.dtype(at::kFloat));
  for (const Slot& slot : slots_) {
    at::Tensor leaf = View(leaf_values_, slot).detach().set_requires_grad(true);
    leaf.mutable_grad() = View(leaf_gradients_, slot);
    leaves_[slot.name] = leaf;
  }
}

const at::Tensor& Parameters::Leaf(const std::string& name) const {
  const auto found = leaves_.find(name);
  HAT_CHECK(found != leaves_.end(), name);
  return found->second;
}

std::map<std::string, at::Tensor> Parameters::Values() const {
  std::map<std::string, at::Tensor> result;
  for (const Slot& slot : slots_) result[slot.name] = View(values_, slot);
  return result;
}

void Parameters::Publish() {
  if (!leaf_values_.is_same(values_)) leaf_values_.copy_(values_);
}

at::Tensor Parameters::gradient() const { return leaf_gradients_.to(values_.scalar_type()); }

void Parameters::ClearGradient() { leaf_gradients_.zero_(); }

}  // namespace hat
