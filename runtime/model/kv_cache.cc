#include "runtime/model/kv_cache.h"

#include <sys/mman.h>

#include <algorithm>
#include <string>
#include <utility>

#include <ATen/ATen.h>

#include "core/error.h"
#include "runtime/model/torch_compute.h"

namespace hat {

namespace {

// Keys and values of all layers. On the CPU a mapping of its own: malloc would keep what was
// written when the cache goes, and cut the next one from it.
at::Tensor RoomFor(const std::vector<int64_t>& sizes, const Compute& compute) {
  const at::TensorOptions options = OptionsOf(compute);
  if (DeviceOf(compute).is_cuda()) return at::empty(sizes, options);
  size_t bytes = at::elementSize(ScalarTypeOf(compute.dtype));
  for (const int64_t size : sizes) bytes *= static_cast<size_t>(size);
  if (bytes == 0) return at::empty(sizes, options);
  void* const room = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (room == MAP_FAILED) {
    throw InputError("the memory does not suffice: no room for a cache of " +
                     std::to_string(bytes) + " bytes");
  }
  return at::from_blob(
      room, sizes, [bytes](void* at) { ::munmap(at, bytes); }, options);
}

}  // namespace

KvCache::KvCache(const CacheShape& shape, int capacity, const Compute& compute)
    : shape_(shape), capacity_(capacity), compute_(compute) {
  const at::Tensor all =
      RoomFor({shape.layers, 2, shape.kv_heads, capacity, shape.head_dim}, compute);
  for (int layer = 0; layer < shape.layers; ++layer) {
    keys_.push_back(all.select(0, layer).select(0, 0));
    values_.push_back(all.select(0, layer).select(0, 1));
  }
}

KvCache KvCache::Clone() const {
  KvCache copy(shape_, capacity_, compute_);
  for (int layer = 0; layer < shape_.layers; ++layer) {
    copy.keys_[layer].narrow(1, 0, size()).copy_(keys_[layer].narrow(1, 0, size()));
    copy.values_[layer].narrow(1, 0, size()).copy_(values_[layer].narrow(1, 0, size()));
  }
  copy.parents_ = parents_;
  copy.positions_ = positions_;
  copy.chain_ = chain_;
  return copy;
}

void KvCache::TruncateTo(int slots) {
  HAT_CHECK(0 <= slots && slots <= size());
  parents_.resize(slots);
  positions_.resize(slots);
  chain_ = std::min(chain_, slots);
}

void KvCache::Keep(int first, std::span<const int32_t> nodes) {
  HAT_CHECK(0 <= first && first <= size());
  int expected_parent = first - 1;
  bool moves = false;
  std::vector<int64_t> slots;
  for (const int32_t node : nodes) {
    const int slot = first + node;
    HAT_CHECK(node >= 0 && slot < size() && parents_[slot] == expected_parent,
              "the kept slots are not a path");
    moves = moves || node != static_cast<int32_t>(slots.size());
    slots.push_back(slot);
    expected_parent = slot;
  }
  const auto count = static_cast<int>(slots.size());
  if (moves) {
    const at::Tensor index = ToDevice(slots, compute_);  // [count]
    for (int layer = 0; layer < shape_.layers; ++layer) {
      keys_[layer].narrow(1, first, count).copy_(keys_[layer].index_select(1, index));
      values_[layer].narrow(1, first, count).copy_(values_[layer].index_select(1, index));
    }
  }
  TruncateTo(first);
  std::vector<int32_t> path;
  for (int i = 0; i < count; ++i) path.push_back(first + i - 1);
  Append(path);
}

void KvCache::Append(std::span<const int32_t> parents) {
  HAT_CHECK(size() + static_cast<int>(parents.size()) <= capacity_,
            "a cache of " + std::to_string(capacity_) + " slots is full");
  for (const int32_t parent : parents) {
    const int slot = size();
    HAT_CHECK(-1 <= parent && parent < slot, "a slot's parent comes before it");
    const bool continues_chain = chain_ == slot && parent == slot - 1;
    parents_.push_back(parent);
    positions_.push_back(parent < 0 ? 0 : positions_[parent] + 1);
    if (continues_chain) ++chain_;
  }
}

}  // namespace hat
