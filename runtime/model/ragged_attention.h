// Attention of a ragged batch as a GPU computes it: what its threads read, and their arithmetic.
// Free of CUDA and torch: a test runs the same functions on the CPU, where a warp has one lane. The
// kernels around them are in cuda_kernels.cu; C++17, for the compilers of older CUDA toolkits.
//
// A query is a row's head. The queries that read one key head of one sequence are numbered row by
// row, `group` = heads / kv_heads to a row. A block has a tile of up to kTileQueries of them; its
// warps share out the slots (share s of n takes kSlots of every n * kSlots) and merge what they
// found. In a warp each lane has kDims consecutive ones of the head's dimensions.
#pragma once

#include <cmath>
#include <cstdint>

#ifdef __CUDACC__
#define HAT_KERNEL __device__ __forceinline__
#define HAT_UNROLL _Pragma("unroll")
#else
#define HAT_KERNEL inline
#define HAT_UNROLL
#endif

namespace hat {

constexpr int kTileQueries = 4;
constexpr int kSlots = 8;  // scored at a time
constexpr int kMaskBits = 32;

struct RaggedSequence {
  int32_t first_row;  // of its new tokens in the batch
  int32_t rows;
  int32_t first_slot;  // where the new tokens go
  int32_t slots;       // of its cache in use, the new ones included
  int32_t capacity;    // of its cache: keys and values are [kv_heads, capacity, head_dim]
  int32_t tail;        // slots from here on are seen as the rows' masks say
  int32_t first_word;  // of the first row's mask: bit i of a mask is slot tail + i
  int32_t mask_words;  // a row
};

struct RaggedRow {
  int32_t sequence;
  int32_t position;
  int32_t prefix;  // sees slots 0..prefix - 1; prefix <= tail
};

struct RaggedTile {
  int32_t sequence;
  int32_t first_query;
};

// Where it all is, in the memory of the device that reads it.
struct RaggedBatch {
  const RaggedSequence* sequences;
  const RaggedRow* rows;
  const RaggedTile* tiles;
  const uint32_t* masks;
  const int64_t* caches;  // [layers, sequences, 2]: addresses of keys and values
  int32_t sequence_count;
  int32_t row_count;
  int32_t tile_count;
};

struct RaggedHeads {
  int32_t heads;
  int32_t kv_heads;
  int32_t head_dim;
};

// How a type is computed in fp32; the kernels add fp16 and bf16.
template <typename T>
struct Number;
template <>
struct Number<float> {
  static HAT_KERNEL float Widen(float value) { return value; }
  static HAT_KERNEL float Narrow(float value) { return value; }
};

// A sequence's keys (which = 0) or values (1) of one layer.
template <typename T>
HAT_KERNEL T* CacheOf(const RaggedBatch& batch, int layer, int sequence, int which) {
  const int64_t place = (int64_t{layer} * batch.sequence_count + sequence) * 2 + which;
  return reinterpret_cast<T*>(batch.caches[place]);
}

// Rotates two dimensions, pair and pair + head_dim / 2, of one head of one row in qkv [rows, heads
// + 2 kv_heads, head_dim]: a query's in place, a key's into its cache; a value's go there as they
// are. cos, sin [positions, head_dim / 2].
template <typename T>
HAT_KERNEL void RotateAndStorePair(const RaggedBatch& batch, const RaggedHeads& shape, int layer,
                                   T* qkv, const float* cos, const float* sin, int row_index,
                                   int head, int pair) {
  const RaggedRow row = batch.rows[row_index];
  const RaggedSequence sequence = batch.sequences[row.sequence];
  const int pairs = shape.head_dim / 2;
  T* const from =
      qkv + (int64_t{row_index} * (shape.heads + 2 * shape.kv_heads) + head) * shape.head_dim;
  T* to = from;
  const bool is_value = head >= shape.heads + shape.kv_heads;
  if (head >= shape.heads) {
    const int kv_head = (head - shape.heads) % shape.kv_heads;
    const int slot = sequence.first_slot + row_index - sequence.first_row;
    to = CacheOf<T>(batch, layer, row.sequence, is_value) +
         (int64_t{kv_head} * sequence.capacity + slot) * shape.head_dim;
  }
  const T first = from[pair];
  const T second = from[pair + pairs];
  if (is_value) {
    to[pair] = first;
    to[pair + pairs] = second;
    return;
  }
  const float c = cos[int64_t{row.position} * pairs + pair];
  const float s = sin[int64_t{row.position} * pairs + pair];
  const float x = Number<T>::Widen(first);
  const float y = Number<T>::Widen(second);
  to[pair] = Number<T>::Narrow(x * c - y * s);
  to[pair + pairs] = Number<T>::Narrow(y * c + x * s);
}

// What one lane has of one query's attention over some slots: values weighted with exp(score -
// largest), and the sum of these weights, so that no score need be known in advance (Milakov,
// Gimelshein 2018; with values: Dao et al. 2022).
template <int kDims>
struct PartialAttention {
  float largest = -INFINITY;
  float sum = 0;
  float values[kDims] = {};
};

// Makes room for scores up to `score`.
template <int kDims>
HAT_KERNEL void Raise(float score, PartialAttention<kDims>& partial) {
  if (score <= partial.largest) return;
  const float factor = expf(partial.largest - score);  // 0 at first
  partial.largest = score;
  partial.sum *= factor;
  for (float& value : partial.values) value *= factor;
}

// Adds another share of the slots: its largest score, sum and this lane's values.
template <int kDims>
HAT_KERNEL void Merge(float largest, float sum, const float* values,
                      PartialAttention<kDims>& into) {
  if (sum == 0) return;  // saw nothing
  Raise(largest, into);
  const float factor = expf(largest - into.largest);
  into.sum += factor * sum;
  for (int i = 0; i < kDims; ++i) into.values[i] += factor * values[i];
}

// A lane's dimensions, read at once.
template <typename T, int kDims>
struct LaneDims {
  static constexpr int kBytes = static_cast<int>(sizeof(T)) * kDims;
  static constexpr int kPower = kBytes & -kBytes;  // the power of two that divides kBytes
  struct alignas(kPower < 16 ? kPower : 16) Pack {
    T dims[kDims];
  };
  static HAT_KERNEL void Load(const T* from, float* to) {
    const Pack pack = *reinterpret_cast<const Pack*>(from);
    HAT_UNROLL for (int i = 0; i < kDims; ++i) to[i] = Number<T>::Widen(pack.dims[i]);
  }
};

struct QueryPlace {
  int row;  // of the batch
  int head;
};
HAT_KERNEL QueryPlace PlaceOf(const RaggedSequence& sequence, const RaggedHeads& shape, int kv_head,
                              int query) {
  const int group = shape.heads / shape.kv_heads;
  return {sequence.first_row + query / group, kv_head * group + query % group};
}

HAT_KERNEL int QueriesOf(const RaggedSequence& sequence, const RaggedHeads& shape) {
  return sequence.rows * (shape.heads / shape.kv_heads);
}

// What a query sees: slots 0..prefix - 1, from the sequence's tail on those of its mask, none from
// `end` on.
struct Sight {
  int prefix = 0;
  int end = 0;
  const uint32_t* mask = nullptr;
};

HAT_KERNEL Sight SightOf(const RaggedBatch& batch, const RaggedSequence& sequence, int row) {
  Sight sight;
  sight.prefix = batch.rows[row].prefix;
  sight.end = sequence.mask_words > 0 ? sequence.slots : sight.prefix;
  sight.mask =
      batch.masks + sequence.first_word + int64_t{row - sequence.first_row} * sequence.mask_words;
  return sight;
}

HAT_KERNEL bool Sees(const Sight& sight, int tail, int slot) {
  if (slot < sight.prefix) return true;
  if (slot < tail || slot >= sight.end) return false;
  const int bit = slot - tail;
  return (sight.mask[bit / kMaskBits] >> (bit % kMaskBits) & 1U) != 0;
}

// The scores of kSlots slots from `first` on against each query, -inf where one is not seen, as
// weights in `partials`' terms, which have room for them then.
template <int kQueries, int kDims>
HAT_KERNEL void TurnIntoWeights(float scores[kQueries][kSlots], PartialAttention<kDims>* partials) {
  HAT_UNROLL for (int i = 0; i < kQueries; ++i) {
    float largest = -INFINITY;
    HAT_UNROLL for (int j = 0; j < kSlots; ++j) largest = fmaxf(largest, scores[i][j]);
    Raise(largest, partials[i]);
    HAT_UNROLL for (int j = 0; j < kSlots; ++j) {
      // Asked, since to a query that has seen nothing yet the largest is -inf too.
      const bool sees = scores[i][j] != -INFINITY;
      scores[i][j] = sees ? expf(scores[i][j] - partials[i].largest) : 0;
      partials[i].sum += scores[i][j];
    }
  }
}

// One warp's share of a tile: kQueries queries of one sequence and key head, from first_query on;
// those beyond the sequence's last see nothing. qkv as RotateAndStorePair left it; `warp` says
// which lane this is and sums over lanes. Adds to `partials`, which start empty.
template <typename T, int kQueries, int kDims, typename Warp>
HAT_KERNEL void AttendShare(const RaggedBatch& batch, const RaggedHeads& shape, int layer,
                            const T* qkv, const RaggedTile& tile, int kv_head, int share,
                            int shares, const Warp& warp, PartialAttention<kDims>* partials) {
  const RaggedSequence sequence = batch.sequences[tile.sequence];
  const int first_dim = warp.lane() * kDims;
  const int64_t base = int64_t{kv_head} * sequence.capacity * shape.head_dim + first_dim;
  const T* const keys = CacheOf<const T>(batch, layer, tile.sequence, 0) + base;
  const T* const values = CacheOf<const T>(batch, layer, tile.sequence, 1) + base;

  float q[kQueries][kDims] = {};
  Sight sights[kQueries];
  int end = 0;
  HAT_UNROLL for (int i = 0; i < kQueries; ++i) {
    if (tile.first_query + i >= QueriesOf(sequence, shape)) continue;
    const QueryPlace place = PlaceOf(sequence, shape, kv_head, tile.first_query + i);
    const int64_t head = int64_t{place.row} * (shape.heads + 2 * shape.kv_heads) + place.head;
    LaneDims<T, kDims>::Load(qkv + head * shape.head_dim + first_dim, q[i]);
    HAT_UNROLL for (float& dim : q[i]) dim /= sqrtf(static_cast<float>(shape.head_dim));
    sights[i] = SightOf(batch, sequence, place.row);
    end = sights[i].end > end ? sights[i].end : end;
  }

  for (int first = share * kSlots; first < end; first += shares * kSlots) {
    float scores[kQueries][kSlots];
    HAT_UNROLL for (int j = 0; j < kSlots; ++j) {
      const int slot = first + j;
      float key[kDims] = {};
      if (slot < end) LaneDims<T, kDims>::Load(keys + int64_t{slot} * shape.head_dim, key);
      HAT_UNROLL for (int i = 0; i < kQueries; ++i) {
        float product = 0;
        HAT_UNROLL for (int dim = 0; dim < kDims; ++dim) product += q[i][dim] * key[dim];
        product = warp.Sum(product);
        scores[i][j] = Sees(sights[i], sequence.tail, slot) ? product : -INFINITY;
      }
    }
    TurnIntoWeights<kQueries>(scores, partials);
    HAT_UNROLL for (int j = 0; j < kSlots; ++j) {
      float value[kDims] = {};
      const int slot = first + j;
      if (slot < end) LaneDims<T, kDims>::Load(values + int64_t{slot} * shape.head_dim, value);
      HAT_UNROLL for (int i = 0; i < kQueries; ++i) {
        HAT_UNROLL for (int dim = 0; dim < kDims; ++dim) {
          partials[i].values[dim] += scores[i][j] * value[dim];
        }
      }
    }
  }
}

}  // namespace hat
