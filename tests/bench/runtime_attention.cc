#include "tests/bench/runtime_attention.h"

#include <cstdio>
#include <vector>

#include <ATen/ATen.h>

#include "runtime/model/cpu_operations.h"
#include "runtime/model/torch_compute.h"
#include "tests/bench/times.h"

namespace hat {
namespace {

constexpr int kLayers = 8;  // gone round, as a model does
constexpr int kHeadDim = 64;

struct Case {
  int heads, kv_heads, rows, context;
  Dtype dtype;
};

ModelConfig ConfigOf(const Case& c) {
  ModelConfig config;
  config.shape.layers = {{c.heads, c.kv_heads, kHeadDim, /*ffn=*/0}};
  config.max_positions = c.context + c.rows;
  return config;
}

// `rows` tokens of one sequence after `context` others.
class Sequence {
 public:
  explicit Sequence(const Case& c)
      : c_(c),
        compute_{c.dtype, "cpu"},
        shape_{c.heads, c.kv_heads, kHeadDim, 0},
        rotary_(MakeRotaryTable(ConfigOf(c), kHeadDim, c.context + c.rows, compute_)),
        cache_({kLayers, c.kv_heads, kHeadDim}, c.context + c.rows, compute_),
        qkv_(
            at::randn({c.rows, int64_t{c.heads + 2 * c.kv_heads} * kHeadDim}, OptionsOf(compute_))),
        mask_(c.rows > 1 ? CausalMask(c.rows, c.context + c.rows, OptionsOf(compute_))
                         : at::Tensor()) {
    std::vector<int32_t> parents;
    for (int slot = 0; slot < c.context; ++slot) parents.push_back(slot - 1);
    cache_.Append(parents);
    for (int layer = 0; layer < kLayers; ++layer) {
      cache_.keys(layer).normal_();
      cache_.values(layer).normal_();
    }
  }

  void Ours() {
    cache_.TruncateTo(c_.context);
    const SequencePart part{&cache_, c_.rows, {}};
    const BatchPlan plan = PlanBatch({&part, 1}, shape_, rotary_, c_.context + c_.rows, compute_);
    for (int layer = 0; layer < kLayers; ++layer) CpuAttention(qkv_, shape_, plan, layer);
  }

  void Atens() {
    const at::Tensor q = qkv_.view({c_.rows, -1, kHeadDim}).narrow(1, 0, c_.heads).transpose(0, 1);
    for (int layer = 0; layer < kLayers; ++layer) {
      Attend(q, cache_.keys(layer), cache_.values(layer), mask_);
    }
  }

 private:
  Case c_;
  Compute compute_;
  AttentionShape shape_;
  RotaryTable rotary_;
  KvCache cache_;
  at::Tensor qkv_;   // [rows, (heads + 2 kv_heads) * head_dim]
  at::Tensor mask_;  // [rows, context + rows]
};

void BenchCase(const Case& c) {
  Sequence sequence(c);
  const double ours = TimesOf(15, [&] { sequence.Ours(); }).median / kLayers;
  const double atens = TimesOf(3, [&] { sequence.Atens(); }).median / kLayers;
  std::printf("%2d heads, %d of keys, %s %11d %8d %9.0f %9.0f %7.1f\n", c.heads, c.kv_heads,
              Name(c.dtype).c_str(), c.rows, c.context, 1e6 * ours, 1e6 * atens, atens / ours);
  std::fflush(stdout);
}

}  // namespace

void BenchAttention() {
  std::printf(
      "\nAttention of a layer in us: ours, rotation included; ATen's calls, without it.\n"
      "%-25s %11s %8s %9s %9s %7s\n",
      "", "new tokens", "context", "ours", "ATen's", "ratio");
  for (const auto& [heads, kv_heads] : {std::pair{3, 3}, {32, 4}}) {
    for (const Dtype dtype : {Dtype::kFloat32, Dtype::kBfloat16}) {
      for (const int rows : {1, 8}) {
        for (const int context : {64, 1024, 2048}) {
          BenchCase({heads, kv_heads, rows, context, dtype});
        }
      }
    }
  }
}

}  // namespace hat
