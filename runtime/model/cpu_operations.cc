#include "runtime/model/cpu_operations.h"

#include <algorithm>
#include <utility>
#include <vector>

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include "core/error.h"
#include "runtime/model/cpu_attention.h"
#include "runtime/model/cpu_kernels.h"
#include "runtime/model/torch_compute.h"

namespace hat {
namespace {

// Whose products LinearRange takes: with 64 rows it takes 1.1 to 1.2 times as long as ATen in fp32,
// 0.7 to 0.9 times in bf16 (Zen 3, one thread); with more it falls behind.
constexpr int64_t kFewRows = 64;

// Work that another thread is worth waking for: OpenMP's take 50 us to wake (Zen 3, 2 cores).
constexpr int64_t kWorthAThread = 1'048'576;  // multiplications

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

// The sums of int8 weights, each row's times its scale.
at::Tensor FewScaledSums(const at::Tensor& x, const WeightMatrix& weight) {
  const int64_t rows = x.size(0);
  const int64_t in = x.size(1);
  const int64_t out = weight.values.size(0);
  const at::Tensor input = x.to(at::kFloat).contiguous();  // [rows, in]
  at::Tensor sums = at::empty({rows, out}, input.options());
  const auto* const scales = DataOf<float>(weight.scales);
  auto* const y = DataOf<float>(sums);
  at::parallel_for(0, out, GrainFor(in * rows), [&](int64_t begin, int64_t end) {
    LinearRange<int8_t>(DataOf<float>(input), DataOf<int8_t>(weight.values), rows, in, out, begin,
                        end, y);
    for (int64_t row = 0; row < rows; ++row) {
      for (int64_t o = begin; o < end; ++o) y[row * out + o] *= scales[o];
    }
  });
  return sums;
}

// x weight^T in the wide type. x [rows, in], weight [out, in].
at::Tensor FewSums(const at::Tensor& x, const WeightMatrix& matrix) {
  if (matrix.is_int8()) return FewScaledSums(x, matrix);
  const at::Tensor& weight = matrix.values;
  const int64_t rows = x.size(0);
  const int64_t in = x.size(1);
  const int64_t out = weight.size(0);
  const at::Tensor input = at::empty({rows, in}, WideOptions(x));
  at::Tensor sums = at::empty({rows, out}, WideOptions(x));
  WithType(x, [&]<typename T>(T) {
    auto* const wide = DataOf<WideOf<T>>(input);
    for (int64_t row = 0; row < rows; ++row)
      WidenRow<T>(DataOf<T>(x) + row * in, in, wide + row * in);
    at::parallel_for(0, out, GrainFor(in * rows), [&](int64_t begin, int64_t end) {
      LinearRange<T>(wide, DataOf<T>(weight), rows, in, out, begin, end, DataOf<WideOf<T>>(sums));
    });
  });
  return sums;
}

// The same through ATen's products. These take bf16 at a hundredth of fp32's speed on a processor
// without bf16 units: there weights are widened, some at a time.
at::Tensor Product(const at::Tensor& narrow, const WeightMatrix& matrix) {
  const at::Tensor x = narrow.to(WideOptions(narrow));
  const at::Tensor& weight = matrix.values;
  if (weight.scalar_type() == x.scalar_type()) return at::mm(x, weight.t());
  constexpr int64_t kOutputs = 512;
  const int64_t out = weight.size(0);
  at::Tensor sums = at::empty({x.size(0), out}, x.options());
  const at::Tensor wide = at::empty({std::min(out, kOutputs), weight.size(1)}, x.options());
  for (int64_t o = 0; o < out; o += kOutputs) {
    const int64_t count = std::min(kOutputs, out - o);
    const at::Tensor some = wide.narrow(0, 0, count);  // [count, in]
    some.copy_(weight.narrow(0, o, count));
    if (matrix.is_int8()) some.mul_(matrix.scales.narrow(0, o, count).unsqueeze(1));
    at::Tensor part = sums.narrow(1, o, count);  // [rows, count]
    at::mm_out(part, x, some.t());
  }
  return sums;
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
        out_(DataOf<T>(out)) {
    for (const PlannedPart& part : plan.parts) {
      for (const QueryBlock& block : part.blocks) blocks_.push_back({&part, &block});
    }
  }

  void RotateAndStore() const {
    const int64_t work_each = 4 * (shape_.heads + shape_.kv_heads) * shape_.head_dim;
    for (const PlannedPart& part : plan_.parts) {
      at::parallel_for(0, part.rows, GrainFor(work_each), [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) RotateAndStoreRow(part, i);
      });
    }
  }

  // Threads share pairs of a key-value head and a block, heads apart: so all have long contexts.
  void AttendAll() const {
    const auto blocks = static_cast<int64_t>(blocks_.size());
    int64_t most_rows = 0;
    int64_t products = 0;
    for (const auto& [part, block] : blocks_) {
      most_rows = std::max<int64_t>(most_rows, block->rows);
      products += int64_t{block->rows} * block->slots;
    }
    const int64_t group = shape_.heads / shape_.kv_heads;
    const int64_t work_each = 2 * products * group * shape_.head_dim / blocks;
    at::parallel_for(
        0, shape_.kv_heads * blocks, GrainFor(work_each), [&](int64_t begin, int64_t end) {
          std::vector<WideOf<T>> scratch(AttentionScratch(most_rows * group, shape_.head_dim));
          for (int64_t i = begin; i < end; ++i) {
            const auto& [part, block] = blocks_[i % blocks];
            AttendHead<T>(QueriesOf(*part, *block, i / blocks), scratch.data());
          }
        });
  }

 private:
  int64_t Stride() const { return (shape_.heads + 2 * int64_t{shape_.kv_heads}) * shape_.head_dim; }
  T* Head(int64_t row, int64_t head) const {
    return qkv_ + row * Stride() + head * shape_.head_dim;
  }
  T* Slot(const at::Tensor& cache, int64_t head, int64_t slot) const {
    return DataOf<T>(cache) + (head * cache.size(1) + slot) * shape_.head_dim;
  }

  void RotateAndStoreRow(const PlannedPart& part, int64_t i) const {
    const int64_t dim = shape_.head_dim;
    const int64_t row = part.first_row + i;
    const int64_t slot = part.first_slot + i;
    const WideOf<T>* const cos = cos_ + row * dim / 2;
    const WideOf<T>* const sin = sin_ + row * dim / 2;
    for (int64_t head = 0; head < shape_.heads; ++head) {
      RotateRow<T>(Head(row, head), cos, sin, dim / 2, Head(row, head));
    }
    for (int64_t head = 0; head < shape_.kv_heads; ++head) {
      RotateRow<T>(Head(row, shape_.heads + head), cos, sin, dim / 2,
                   Slot(part.cache->keys(layer_), head, slot));
      const T* const value = Head(row, shape_.heads + shape_.kv_heads + head);
      std::copy(value, value + dim, Slot(part.cache->values(layer_), head, slot));
    }
  }

  HeadOfQueries<T> QueriesOf(const PlannedPart& part, const QueryBlock& block,
                             int64_t kv_head) const {
    const int64_t group = shape_.heads / shape_.kv_heads;
    HeadOfQueries<T> head;
    head.queries = Head(block.first_row, kv_head * group);
    head.query_stride = Stride();
    head.out_stride = shape_.heads * int64_t{shape_.head_dim};
    head.out = out_ + block.first_row * head.out_stride + kv_head * group * shape_.head_dim;
    head.keys = Slot(part.cache->keys(layer_), kv_head, 0);
    head.values = Slot(part.cache->values(layer_), kv_head, 0);
    head.mask = block.mask.defined() ? DataOf<float>(block.mask) : nullptr;
    head.rows = block.rows;
    head.group = group;
    head.slots = block.slots;
    head.dim = shape_.head_dim;
    return head;
  }

  const AttentionShape& shape_;
  const BatchPlan& plan_;
  int layer_;
  T* qkv_;
  const WideOf<T>* cos_;
  const WideOf<T>* sin_;
  T* out_;
  std::vector<std::pair<const PlannedPart*, const QueryBlock*>> blocks_;
};

}  // namespace

bool HasCpuOperations(const Compute& compute) {
  return compute.device == "cpu" && compute.dtype != Dtype::kFloat16;
}

at::Tensor CpuNorm(const at::Tensor& x, const at::Tensor& weight, double eps) {
  const int64_t n = x.size(1);
  at::Tensor out = at::empty_like(x);  // [rows, hidden]
  WithType(x, [&]<typename T>(T) {
    at::parallel_for(0, x.size(0), GrainFor(4 * n), [&](int64_t begin, int64_t end) {
      for (int64_t row = begin; row < end; ++row) {
        NormRow<T>(DataOf<T>(x) + row * n, DataOf<T>(weight), n, eps, DataOf<T>(out) + row * n);
      }
    });
  });
  return out;
}

at::Tensor CpuLinear(const at::Tensor& x, const WeightMatrix& weight, const at::Tensor& residual,
                     bool wide) {
  HAT_CHECK(weight.values.size(1) == x.size(1) && !(wide && residual.defined()));
  const at::Tensor sums =
      x.size(0) <= kFewRows ? FewSums(x, weight) : Product(x, weight);  // [rows, out]
  if (wide || (!residual.defined() && sums.scalar_type() == x.scalar_type())) return sums;
  at::Tensor out = at::empty(sums.sizes(), x.options());  // [rows, out]
  WithType(x, [&]<typename T>(T) {
    const T* const more = residual.defined() ? DataOf<T>(residual) : nullptr;
    at::parallel_for(0, out.numel(), kWorthAThread, [&](int64_t begin, int64_t end) {
      RoundRange<T>(DataOf<WideOf<T>>(sums), more, begin, end, DataOf<T>(out));
    });
  });
  return out;
}

at::Tensor CpuAttention(at::Tensor& qkv, const AttentionShape& shape, const BatchPlan& plan,
                        int layer) {
  at::Tensor out = at::empty({plan.rows, int64_t{shape.heads} * shape.head_dim}, qkv.options());
  WithType(qkv, [&]<typename T>(T) {
    const Attention<T> attention(qkv, shape, plan, layer, out);
    attention.RotateAndStore();
    attention.AttendAll();
  });
  return out;
}

at::Tensor CpuGate(const at::Tensor& gate_up) {
  const int64_t ffn = gate_up.size(1) / 2;
  at::Tensor out = at::empty({gate_up.size(0), ffn}, gate_up.options());  // [rows, ffn]
  WithType(gate_up, [&]<typename T>(T) {
    at::parallel_for(0, out.size(0), GrainFor(8 * ffn), [&](int64_t begin, int64_t end) {
      for (int64_t row = begin; row < end; ++row) {
        const T* const gate = DataOf<T>(gate_up) + row * 2 * ffn;
        GateRow<T>(gate, gate + ffn, ffn, DataOf<T>(out) + row * ffn);
      }
    });
  });
  return out;
}

}  // namespace hat
