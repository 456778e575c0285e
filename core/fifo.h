// A queue in a ring that grows by doubling: unlike std::deque, an empty one owns no memory and a
// short one lies together.
#pragma once

#include <cstddef>
#include <utility>
#include <vector>

namespace hat {

template <class T>  // default-constructible, movable
class Fifo {
 public:
  bool empty() const { return size_ == 0; }
  size_t size() const { return size_; }
  T& front() { return ring_[first_]; }  // not empty

  // Returns where it lies for now.
  T& Push(T item) {
    if (size_ == ring_.size()) Grow();
    T& place = ring_[(first_ + size_) & (ring_.size() - 1)];
    place = std::move(item);
    ++size_;
    return place;
  }

  // Not empty.
  T Pop() {
    T item = std::move(ring_[first_]);
    first_ = (first_ + 1) & (ring_.size() - 1);
    --size_;
    return item;
  }

 private:
  void Grow() {
    std::vector<T> larger(ring_.empty() ? 1 : 2 * ring_.size());
    for (size_t i = 0; i < size_; ++i) {
      larger[i] = std::move(ring_[(first_ + i) & (ring_.size() - 1)]);
    }
    ring_ = std::move(larger);
    first_ = 0;
  }

  std::vector<T> ring_;  // a power of two, or none
  size_t first_ = 0;
  size_t size_ = 0;
};

}  // namespace hat
