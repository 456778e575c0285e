// Keys and values of one sequence in one submodel. Address space for `capacity` slots is reserved
// at once and never moves: growing copies nothing. On the CPU memory becomes resident as slots are
// written; on a GPU it is taken at once, as the cloud's admission reserves it. Attention reads a
// layer as one view [kv_heads, slots, head_dim].
//
// A slot holds one token. Slots form a tree: a slot's position is its parent's plus one, and a
// token sees its ancestors and itself. A plain sequence is a chain: slot i is position i, its
// parent slot i - 1.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include <ATen/core/Tensor.h>

#include "runtime/model/compute.h"

namespace hat {

struct CacheShape {
  int layers = 0;
  int kv_heads = 0;
  int head_dim = 0;
};

class KvCache {
 public:
  KvCache(const CacheShape& shape, int capacity, const Compute& compute);
  KvCache(KvCache&&) = default;
  KvCache& operator=(KvCache&&) = default;

  KvCache Clone() const;  // copies the slots in use; the same capacity

  int size() const { return static_cast<int>(parents_.size()); }  // slots in use
  int capacity() const { return capacity_; }
  int parent(int slot) const { return parents_[slot]; }      // -1: none
  int position(int slot) const { return positions_[slot]; }  // of the token in the slot
  int chain() const { return chain_; }  // the first so many slots are a chain from position 0 on
  const CacheShape& shape() const { return shape_; }

  // Forgets the slots from `slots` on. 0 <= slots <= size().
  void TruncateTo(int slots);

  // Forgets the slots from `first` on but first + nodes[0], first + nodes[1], ..., which move to
  // first, first + 1, ... Each must be the child of the one before it, nodes[0] of slot first - 1:
  // what stays is a path (a frame's kept nodes: root 0, in path order).
  void Keep(int first, std::span<const int32_t> nodes);

  // For the forward pass: room for slots with these parents, which exist from now on; each is below
  // its own slot's number. Their keys and values are then written by every layer.
  void Append(std::span<const int32_t> parents);

  // [kv_heads, capacity, head_dim], both.
  const at::Tensor& keys(int layer) const { return keys_[layer]; }
  const at::Tensor& values(int layer) const { return values_[layer]; }

 private:
  CacheShape shape_;
  int capacity_;
  Compute compute_;
  std::vector<at::Tensor> keys_;
  std::vector<at::Tensor> values_;
  std::vector<int32_t> parents_;  // of each slot in use
  std::vector<int32_t> positions_;
  int chain_ = 0;
};

}  // namespace hat
