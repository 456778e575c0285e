// Callbacks ordered by time, then by the order in which they were added. Plain data: no clock of
// its own.
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
    heap_.push_back({time, next_order_++, std::move(callback)});
    std::push_heap(heap_.begin(), heap_.end(), IsLater);
  }

  // Removes the first callback and returns it; not empty.
  std::function<void()> Take() {
    std::pop_heap(heap_.begin(), heap_.end(), IsLater);
    std::function<void()> callback = std::move(heap_.back().callback);
    heap_.pop_back();
    return callback;
  }

 private:
  struct Event {
    Seconds time;
    uint64_t order;
    std::function<void()> callback;
  };
  static bool IsLater(const Event& a, const Event& b) {
    return a.time != b.time ? a.time > b.time : a.order > b.order;
  }

  std::vector<Event> heap_;
  uint64_t next_order_ = 0;
};

}  // namespace hat
