#include "runtime/profile/cache_filling.h"

#include <numeric>
#include <vector>

#include <ATen/ATen.h>

namespace hat {

void FillCache(KvCache& cache, int slots) {
  for (int layer = 0; layer < cache.shape().layers; ++layer) {
    cache.keys(layer).narrow(1, 0, slots).normal_();
    cache.values(layer).narrow(1, 0, slots).normal_();
  }
}

void SetContext(KvCache& cache, int context) {
  cache.TruncateTo(std::min({cache.size(), cache.chain(), context}));
  std::vector<int32_t> parents(static_cast<size_t>(context - cache.size()));
  std::iota(parents.begin(), parents.end(), cache.size() - 1);
  cache.Append(parents);
}

}  // namespace hat
