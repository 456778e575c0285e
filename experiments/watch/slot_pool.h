// Objects that are taken for a while and given back, by number. What they hold stays allocated, so
// that taking one again allocates nothing.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

namespace hat {

template <class T>
class SlotPool {
 public:
  // The slot that was given back last, with what it held, or a new one.
  int Take() {
    if (free_.empty()) {
      slots_.push_back(std::make_unique<T>());
      return static_cast<int>(slots_.size()) - 1;
    }
    const int slot = free_.back();
    free_.pop_back();
    return slot;
  }
  void Give(int slot) { free_.push_back(slot); }
  T& operator[](int slot) { return *slots_[static_cast<size_t>(slot)]; }

 private:
  std::vector<std::unique_ptr<T>> slots_;
  std::vector<int> free_;
};

}  // namespace hat
