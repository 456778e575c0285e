// Callbacks ordered by time, then those that go first, then by the order in which they were added.
// Plain data: no clock of its own.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

#include "core/units.h"

namespace hat {

class EventQueue {
 public:
  bool empty() const { return heap_.empty(); }
  Seconds next() const { return heap_.front().time; }  // not empty

  void Add(Seconds time, std::function<void()> callback) {
    Insert(time, kInOrder | next_order_++, std::move(callback));
  }

  // Before all callbacks of that time that Add() takes, also earlier ones.
  void AddFirst(Seconds time, std::function<void()> callback) {
    Insert(time, next_order_++, std::move(callback));
  }

  // Removes the first callback and returns it; not empty.
  std::function<void()> Take() {
    std::pop_heap(heap_.begin(), heap_.end(), IsLater());
    const uint32_t slot = heap_.back().slot;
    heap_.pop_back();
    free_slots_.push_back(slot);
    return std::exchange(callbacks_[slot], nullptr);
  }

 private:
  static constexpr uint64_t kInOrder = uint64_t{1} << 63;

  void Insert(Seconds time, uint64_t order, std::function<void()> callback) {
    if (free_slots_.empty()) {
      free_slots_.push_back(static_cast<uint32_t>(callbacks_.size()));
      callbacks_.emplace_back();
    }
    const uint32_t slot = free_slots_.back();
    free_slots_.pop_back();
    callbacks_[slot] = std::move(callback);
    heap_.push_back({time, order, slot});
    std::push_heap(heap_.begin(), heap_.end(), IsLater());
  }

  // The heap moves these, not the callbacks.
  struct Event {
    Seconds time;
    uint64_t order;
    uint32_t slot;  // in callbacks_
  };
  struct IsLater {
    bool operator()(const Event& a, const Event& b) const {
      return a.time != b.time ? a.time > b.time : a.order > b.order;
    }
  };

  std::vector<Event> heap_;
  std::vector<std::function<void()>> callbacks_;
  std::vector<uint32_t> free_slots_;
  uint64_t next_order_ = 0;
};

}  // namespace hat
