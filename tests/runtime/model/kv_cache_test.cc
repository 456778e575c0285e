#include "runtime/model/kv_cache.h"

#include <gtest/gtest.h>

#include <ATen/ATen.h>

#include "runtime/model/torch_compute.h"

namespace hat {
namespace {

// A cache of one layer whose key in slot i is the number i.
KvCache Numbered(const std::vector<int32_t>& parents) {
  KvCache cache({1, 1, 2}, 16, {});
  cache.Append(parents);
  for (int slot = 0; slot < cache.size(); ++slot) cache.keys(0).select(1, slot).fill_(slot);
  return cache;
}

std::vector<int> Keys(const KvCache& cache) {
  std::vector<int> keys;
  for (int slot = 0; slot < cache.size(); ++slot) {
    keys.push_back(static_cast<int>(cache.keys(0)[0][slot][0].item<float>()));
  }
  return keys;
}

TEST(KvCacheTest, PositionsFollowParents) {
  const KvCache cache = Numbered({-1, 0, 1, 1, 3});
  EXPECT_EQ(cache.position(2), 2);
  EXPECT_EQ(cache.position(3), 2);
  EXPECT_EQ(cache.position(4), 3);
  EXPECT_EQ(cache.chain(), 3);
}

TEST(KvCacheTest, TruncatingCutsTheChainToo) {
  KvCache cache = Numbered({-1, 0, 1, 2, 2});
  EXPECT_EQ(cache.chain(), 4);
  cache.TruncateTo(3);
  EXPECT_EQ(cache.size(), 3);
  EXPECT_EQ(cache.chain(), 3);
  cache.Append(std::vector<int32_t>{2});
  EXPECT_EQ(cache.chain(), 4);
}

TEST(KvCacheTest, KeepMovesThePathTogether) {
  KvCache cache = Numbered({-1, 0, 1, 2, 2, 3, 4, 6});
  cache.Keep(2, std::vector<int32_t>{0, 2, 4, 5});
  EXPECT_EQ(Keys(cache), (std::vector<int>{0, 1, 2, 4, 6, 7}));
  EXPECT_EQ(cache.position(5), 5);
  EXPECT_EQ(cache.chain(), 6);
}

TEST(KvCacheTest, KeepingNothingForgetsTheFrame) {
  KvCache cache = Numbered({-1, 0, 1, 1});
  cache.Keep(2, {});
  EXPECT_EQ(Keys(cache), (std::vector<int>{0, 1}));
}

TEST(KvCacheTest, GrowingMovesNothing) {
  KvCache cache({1, 2, 4}, 4096, {});
  const void* const before = cache.keys(0).data_ptr();
  for (int slot = 0; slot < 4096; ++slot) cache.Append(std::vector<int32_t>{slot - 1});
  EXPECT_EQ(cache.keys(0).data_ptr(), before);
}

TEST(KvCacheDeathTest, OurOwnMistakesAreCaught) {
  KvCache cache = Numbered({-1, 0, 1, 1, 2});
  EXPECT_DEATH(cache.TruncateTo(6), "internal error");
  EXPECT_DEATH(cache.Keep(2, std::vector<int32_t>{0, 1}), "not a path");
  EXPECT_DEATH(cache.Keep(3, std::vector<int32_t>{0}), "not a path");
  EXPECT_DEATH(cache.Append(std::vector<int32_t>{5}), "comes before it");
  EXPECT_DEATH(cache.Append(std::vector<int32_t>(12, 0)), "is full");
}

}  // namespace
}  // namespace hat
