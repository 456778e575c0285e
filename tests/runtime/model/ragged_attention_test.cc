// The arithmetic of the CUDA kernels, run on the CPU as a block's warps would, against the CPU's
// own attention.
#include "runtime/model/ragged_attention.h"

#include <gtest/gtest.h>

#include "runtime/model/ragged_plan.h"
#include "tests/runtime/model/ragged_batch.h"

namespace hat {
namespace {

constexpr int kHeadDim = 16;

struct OneLane {
  int lane() const { return 0; }
  float Sum(float value) const { return value; }
};

void RotateAndStoreAll(const RaggedBatch& batch, const RaggedHeads& shape,
                       const RotaryTable& rotary, float* qkv) {
  for (int row = 0; row < batch.row_count; ++row) {
    for (int head = 0; head < shape.heads + 2 * shape.kv_heads; ++head) {
      for (int pair = 0; pair < kHeadDim / 2; ++pair) {
        RotateAndStorePair(batch, shape, 0, qkv, rotary.cos.data_ptr<float>(),
                           rotary.sin.data_ptr<float>(), row, head, pair);
      }
    }
  }
}

// A block: `shares` warps, then the queries' results.
template <int kQueries>
void RunBlock(const RaggedBatch& batch, const RaggedHeads& shape, const float* qkv,
              const RaggedTile& tile, int kv_head, int shares, float* out) {
  const RaggedSequence& sequence = batch.sequences[tile.sequence];
  PartialAttention<kHeadDim> whole[kQueries];
  for (int share = 0; share < shares; ++share) {
    PartialAttention<kHeadDim> partials[kQueries];
    AttendShare<float, kQueries>(batch, shape, 0, qkv, tile, kv_head, share, shares, OneLane(),
                                 partials);
    for (int i = 0; i < kQueries; ++i) {
      Merge(partials[i].largest, partials[i].sum, partials[i].values, whole[i]);
    }
  }
  for (int i = 0; i < kQueries; ++i) {
    if (tile.first_query + i >= QueriesOf(sequence, shape)) continue;
    const QueryPlace place = PlaceOf(sequence, shape, kv_head, tile.first_query + i);
    for (int dim = 0; dim < kHeadDim; ++dim) {
      out[(place.row * shape.heads + place.head) * kHeadDim + dim] =
          whole[i].values[dim] / whole[i].sum;
    }
  }
}

struct Heads {
  int heads;
  int kv_heads;
};

class RaggedAttentionTest : public testing::TestWithParam<Heads> {
 protected:
  RaggedAttentionTest() : case_(GetParam().heads, GetParam().kv_heads, kHeadDim, {}) {}

  // What all blocks write, [rows, heads * head_dim]. The caches grow.
  at::Tensor Run(int shares) {
    const RaggedHeads shape = {GetParam().heads, GetParam().kv_heads, kHeadDim};
    const BatchPlan plan =
        PlanBatch(case_.Parts(), case_.shape, case_.rotary, case_.config.max_positions, {});
    const RaggedPlan ragged = PlanRagged(plan.parts, shape.heads / shape.kv_heads, {});
    const RaggedBatch& batch = ragged.batch;
    const at::Tensor qkv = at::linear(RmsNorm(case_.states(), case_.layer.attention_norm, 1e-5),
                                      case_.layer.qkv.values);
    auto* const values = qkv.data_ptr<float>();
    RotateAndStoreAll(batch, shape, case_.rotary, values);
    const at::Tensor out = at::full({plan.rows, int64_t{shape.heads} * kHeadDim}, NAN);
    for (int tile = 0; tile < batch.tile_count; ++tile) {
      const RaggedTile& at = batch.tiles[tile];
      const int left = QueriesOf(batch.sequences[at.sequence], shape) - at.first_query;
      const auto run = left == 1 ? RunBlock<1> : RunBlock<kTileQueries>;
      for (int kv_head = 0; kv_head < shape.kv_heads; ++kv_head) {
        run(batch, shape, values, at, kv_head, shares, out.data_ptr<float>());
      }
    }
    return out;
  }

  RaggedBatchCase case_;
};

TEST_P(RaggedAttentionTest, BlocksWriteWhatTheCpuAttends) {
  std::vector<KvCache> before;
  for (const KvCache& cache : case_.caches) before.push_back(cache.Clone());
  const at::Tensor expected = case_.Attend(case_.Parts());
  std::vector<KvCache> after = std::move(case_.caches);
  for (const int shares : {1, 3, 8}) {
    case_.caches.clear();
    for (const KvCache& cache : before) case_.caches.push_back(cache.Clone());
    EXPECT_LT(Distance(Run(shares), expected), 1e-5) << shares;
    for (size_t i = 0; i < after.size(); ++i) {
      const int slots = after[i].size();
      ASSERT_EQ(case_.caches[i].size(), slots);
      const auto in_use = [&](const at::Tensor& all) { return all.narrow(1, 0, slots); };
      EXPECT_LT(Distance(in_use(case_.caches[i].keys(0)), in_use(after[i].keys(0))), 1e-5);
      EXPECT_LT(Distance(in_use(case_.caches[i].values(0)), in_use(after[i].values(0))), 1e-5);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Heads, RaggedAttentionTest,
                         testing::Values(Heads{2, 2}, Heads{6, 2}, Heads{8, 1}));

TEST(PartialAttentionTest, ScoresInAnyOrderAndOfAnySizeGiveTheSoftmax) {
  // Weights of 1, e and e^2; alone exp(1000) would overflow.
  PartialAttention<1> rising;
  PartialAttention<1> falling;
  for (int i = 0; i < 3; ++i) {
    const float value = static_cast<float>(i);
    Merge(1000 + value, 1, &value, rising);
    const float last = static_cast<float>(2 - i);
    Merge(1000 + last, 1, &last, falling);
  }
  const double e = std::exp(1.0);
  const double expected = (e + 2 * e * e) / (1 + e + e * e);
  EXPECT_NEAR(rising.values[0] / rising.sum, expected, 1e-6);
  EXPECT_NEAR(falling.values[0] / falling.sum, expected, 1e-6);
}

}  // namespace
}  // namespace hat
