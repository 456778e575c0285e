#include "runtime/model/ragged_plan.h"

#include <cstring>
#include <vector>

#include <ATen/ATen.h>

#include "core/error.h"
#include "runtime/model/batch_plan.h"
#include "runtime/model/torch_compute.h"

namespace hat {
namespace {

// The parts of a RaggedBatch as they are gathered.
struct Gathered {
  std::vector<int64_t> caches;
  std::vector<RaggedSequence> sequences;
  std::vector<RaggedRow> rows;
  std::vector<RaggedTile> tiles;
  std::vector<uint32_t> masks;
};

// Of a row's mask: a bit a slot of the cache beside its chain, which a new row may see or not.
int MaskWords(const KvCache& cache) {
  return (cache.size() - cache.chain() + kMaskBits - 1) / kMaskBits;
}

void GatherRow(const PlannedPart& part, int sequence, int slot, Gathered& to) {
  const KvCache& cache = *part.cache;
  const size_t first_word = to.masks.size();
  to.masks.resize(first_word + MaskWords(cache));
  int ancestor = slot;
  for (; ancestor >= cache.chain(); ancestor = cache.parent(ancestor)) {
    const int bit = ancestor - cache.chain();
    to.masks[first_word + bit / kMaskBits] |= 1U << (bit % kMaskBits);
  }
  // A slot of the chain sees all before it.
  to.rows.push_back({sequence, cache.position(slot), ancestor + 1});
}

void GatherPart(const PlannedPart& part, int group, Gathered& to) {
  const KvCache& cache = *part.cache;
  const auto index = static_cast<int32_t>(to.sequences.size());
  to.sequences.push_back({part.first_row, part.rows, part.first_slot, cache.size(),
                          cache.capacity(), cache.chain(), static_cast<int32_t>(to.masks.size()),
                          MaskWords(cache)});
  for (int i = 0; i < part.rows; ++i) GatherRow(part, index, part.first_slot + i, to);
  for (int query = 0; query < part.rows * group; query += kTileQueries) {
    to.tiles.push_back({index, query});
  }
}

// Where `values` stand after what `bytes` holds already.
template <typename T>
size_t Place(const std::vector<T>& values, std::vector<uint8_t>& bytes) {
  const size_t at = bytes.size();
  HAT_CHECK(at % alignof(T) == 0);
  bytes.resize(at + values.size() * sizeof(T));
  if (!values.empty()) std::memcpy(bytes.data() + at, values.data(), values.size() * sizeof(T));
  return at;
}

}  // namespace

RaggedPlan PlanRagged(std::span<const PlannedPart> parts, int group, const Compute& compute) {
  Gathered gathered;
  for (int layer = 0; layer < parts[0].cache->shape().layers; ++layer) {
    for (const PlannedPart& part : parts) {
      for (const at::Tensor& cache : {part.cache->keys(layer), part.cache->values(layer)}) {
        gathered.caches.push_back(reinterpret_cast<int64_t>(cache.data_ptr()));
      }
    }
  }
  for (const PlannedPart& part : parts) GatherPart(part, group, gathered);

  std::vector<uint8_t> bytes;
  const size_t caches = Place(gathered.caches, bytes);  // first: the widest
  const size_t sequences = Place(gathered.sequences, bytes);
  const size_t rows = Place(gathered.rows, bytes);
  const size_t tiles = Place(gathered.tiles, bytes);
  const size_t masks = Place(gathered.masks, bytes);

  RaggedPlan plan;
  plan.memory = BytesToDevice(bytes, compute);
  const auto* const base = static_cast<const uint8_t*>(plan.memory.data_ptr());
  plan.batch.caches = reinterpret_cast<const int64_t*>(base + caches);
  plan.batch.sequences = reinterpret_cast<const RaggedSequence*>(base + sequences);
  plan.batch.rows = reinterpret_cast<const RaggedRow*>(base + rows);
  plan.batch.tiles = reinterpret_cast<const RaggedTile*>(base + tiles);
  plan.batch.masks = reinterpret_cast<const uint32_t*>(base + masks);
  plan.batch.sequence_count = static_cast<int32_t>(gathered.sequences.size());
  plan.batch.row_count = static_cast<int32_t>(gathered.rows.size());
  plan.batch.tile_count = static_cast<int32_t>(gathered.tiles.size());
  return plan;
}

}  // namespace hat
