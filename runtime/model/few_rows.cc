#include "runtime/model/few_rows.h"

#include <algorithm>
#include <vector>

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include "core/error.h"
#include "runtime/model/cpu_kernels.h"
#include "runtime/model/torch_compute.h"

namespace hat {
namespace {

// Work that a second thread is worth its start for: about 10 us.
constexpr int64_t kWorthAThread = 65'536;  // multiplications

int64_t GrainFor(int64_t work_each) {
  return std::max<int64_t>(1, kWorthAThread / std::max<int64_t>(1, work_each));
}

// Calls body(T{}) with the type of the kernels that `tensor` holds.
template <typename Body>
void WithType(const at::Tensor& tensor, const Body& body) {
  switch (tensor.scalar_type()) {
    case at::kDouble:
      return body(double{});
    case at::kFloat:
      return body(float{});
    case at::kBFloat16:
      return body(Bf16{});
    default:
      HAT_CHECK(false, "no kernel for this type");
  }
}

template <typename T>
T* DataOf(const at::Tensor& tensor) {
  HAT_CHECK(tensor.is_contiguous());
  return static_cast<T*>(tensor.data_ptr());
}

at::TensorOptions WideOptions(const at::Tensor& x) {
  return x.options().dtype(x.scalar_type() == at::kDouble ? at::kDouble : at::kFloat);
}

// Attention of one forward call and layer, on plain memory.
template <typename T>
class Attention {
 public:
  Attention(const at::Tensor& qkv, const AttentionShape& shape, const BatchPlan& plan, int layer,
            const at::Tensor& out)
      : shape_(shape),
        plan_(plan),
        layer_(layer),
        qkv_(DataOf<T>(qkv)),
        cos_(DataOf<WideOf<T>>(plan.cos)),
        sin_(DataOf<WideOf<T>>(plan.sin)),
        out_(DataOf<T>(out)) {}

  void RotateAndStore() const {
    const int64_t dim = shape_.head_dim;
    for (const PlannedPart& part : plan_.parts) {
      for (int64_t i = 0; i < part.rows; ++i) {
        const int64_t row = part.first_row + i;
        const WideOf<T>* const cos = cos_ + row * dim / 2;
        const WideOf<T>* const sin = sin_ + row * dim / 2;
        for (int64_t head = 0; head < shape_.heads; ++head) {
          RotateRow<T>(Head(row, head), cos, sin, dim / 2, Head(row, head));
        }
        for (int64_t head = 0; head < shape_.kv_heads; ++head) {
          const int64_t slot = part.first_slot + i;
          RotateRow<T>(Head(row, shape_.heads + head), cos, sin, dim / 2,
                       Slot(part.cache->keys(layer_), head, slot));
          const T* const value = Head(row, shape_.heads + shape_.kv_heads + head);
          std::copy(value, value + dim, Slot(part.cache->values(layer_), head, slot));
        }
      }
    }
  }

  void AttendAll() const {
    int64_t most_slots = 0;
    for (const PlannedPart& part : plan_.parts) {
      most_slots = std::max<int64_t>(most_slots, part.blocks.front().slots);
    }
    const int64_t work_each = 2 * plan_.rows * most_slots * shape_.head_dim;  // a head
    at::parallel_for(0, shape_.heads, GrainFor(work_each), [&](int64_t begin, int64_t end) {
      std::vector<WideOf<T>> scores(static_cast<size_t>(most_slots));
      for (int64_t head = begin; head < end; ++head) {
        for (const PlannedPart& part : plan_.parts) AttendPart(part, head, scores.data());
      }
    });
  }

 private:
  T* Head(int64_t row, int64_t head) const {
    return qkv_ + (row * (shape_.heads + 2 * shape_.kv_heads) + head) * shape_.head_dim;
  }

  T* Slot(const at::Tensor& cache, int64_t head, int64_t slot) const {
    return DataOf<T>(cache) + (head * cache.size(1) + slot) * shape_.head_dim;
  }

  void AttendPart(const PlannedPart& part, int64_t head, WideOf<T>* scores) const {
    const int64_t kv_head = head * shape_.kv_heads / shape_.heads;
    const QueryBlock& block = part.blocks.front();
    const auto* const mask = block.mask.defined() ? DataOf<float>(block.mask) : nullptr;
    for (int64_t i = 0; i < part.rows; ++i) {
      const int64_t row = part.first_row + i;
      // In a chain a row sees what is before it; in a tree the mask says what.
      const int64_t slots = part.first_slot + i + 1;
      AttendRow<T>(Head(row, head), Slot(part.cache->keys(layer_), kv_head, 0),
                   Slot(part.cache->values(layer_), kv_head, 0),
                   mask == nullptr ? nullptr : mask + i * block.slots, slots, shape_.head_dim,
                   scores, out_ + (row * shape_.heads + head) * shape_.head_dim);
    }
  }

  const AttentionShape& shape_;
  const BatchPlan& plan_;
  int layer_;
  T* qkv_;
  const WideOf<T>* cos_;
  const WideOf<T>* sin_;
  T* out_;
};

}  // namespace

bool ServesFewRows(const Compute& compute) {
  return compute.device == "cpu" && compute.dtype != Dtype::kFloat16;
}

at::Tensor FewRowsNorm(const at::Tensor& x, const at::Tensor& weight, double eps) {
  const int64_t n = x.size(1);
  at::Tensor out = at::empty_like(x);  // [rows, hidden]
  WithType(x, [&]<typename T>(T) {
    for (int64_t row = 0; row < x.size(0); ++row) {
      NormRow<T>(DataOf<T>(x) + row * n, DataOf<T>(weight), n, eps, DataOf<T>(out) + row * n);
    }
  });
  return out;
}

at::Tensor FewRowsLinear(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& residual,
                         bool wide) {
  const auto rows = static_cast<int>(x.size(0));
  const int64_t in = x.size(1);
  const int64_t out = weight.size(0);
  HAT_CHECK(1 <= rows && rows <= kFewRows && weight.size(1) == in);
  const at::Tensor input = x.to(WideOptions(x));             // [rows, in]
  at::Tensor sums = at::empty({rows, out}, WideOptions(x));  // [rows, out]
  at::Tensor result = wide || sums.scalar_type() == x.scalar_type()
                          ? sums
                          : at::empty({rows, out}, x.options());  // [rows, out]
  WithType(x, [&]<typename T>(T) {
    auto* const y = DataOf<WideOf<T>>(sums);
    at::parallel_for(0, out, GrainFor(in * rows), [&](int64_t begin, int64_t end) {
      LinearRange<T>(DataOf<WideOf<T>>(input), DataOf<T>(weight), rows, in, out, begin, end, y);
    });
    if (residual.defined()) AddTo<T>(DataOf<T>(residual), rows * out, y);
    if (!result.is_same(sums)) Narrow<T>(y, rows * out, DataOf<T>(result));
  });
  return result;
}

at::Tensor FewRowsAttention(at::Tensor& qkv, const AttentionShape& shape, const BatchPlan& plan,
                            int layer) {
  at::Tensor out = at::empty({plan.rows, int64_t{shape.heads} * shape.head_dim}, qkv.options());
  WithType(qkv, [&]<typename T>(T) {
    const Attention<T> attention(qkv, shape, plan, layer, out);
    attention.RotateAndStore();
    attention.AttendAll();
  });
  return out;
}

at::Tensor FewRowsGate(const at::Tensor& gate_up) {
  const int64_t ffn = gate_up.size(1) / 2;
  at::Tensor out = at::empty({gate_up.size(0), ffn}, gate_up.options());  // [rows, ffn]
  WithType(gate_up, [&]<typename T>(T) {
    for (int64_t row = 0; row < gate_up.size(0); ++row) {
      const T* const gate = DataOf<T>(gate_up) + row * 2 * ffn;
      GateRow<T>(gate, gate + ffn, ffn, DataOf<T>(out) + row * ffn);
    }
  });
  return out;
}

}  // namespace hat
