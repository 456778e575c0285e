// Callbacks ordered by time, then those that go first, then by the order in which they were added.
// Plain data: no clock of its own. Times are not negative.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <functional>
#include <utility>
#include <vector>

#include "core/error.h"
#include "core/units.h"

namespace hat {

class EventQueue {
 public:
  using Id = uint32_t;  // of a callback that waits

  // `most_orders`: after so many callbacks those that wait are numbered anew; for tests.
  explicit EventQueue(uint64_t most_orders = kInOrder) : most_orders_(most_orders) {}

  bool empty() const { return heap_.empty(); }
  Seconds next() const { return Seconds(std::bit_cast<double>(heap_.front().time)); }  // not empty

  Id Add(Seconds time, std::function<void()> callback) {
    return Insert(time, kInOrder, std::move(callback));
  }

  // Before all callbacks of that time that Add() takes, also earlier ones.
  void AddFirst(Seconds time, std::function<void()> callback) {
    Insert(time, 0, std::move(callback));
  }

  // Removes the first callback and returns it; not empty.
  std::function<void()> Take() {
    std::function<void()> callback = std::exchange(callbacks_[heap_.front().slot()], nullptr);
    PopFront();
    DropCancelled();
    return callback;
  }

  // Of so many callbacks that the memory which the next one touches is hardly in a cache.
  bool is_long() const { return heap_.size() >= kLong; }

  // Asks for the memory that the first callback will touch, as far as one can tell: around what its
  // first two captured pointers point to. For a queue that is_long().
  void PrefetchFirst() const {
    std::array<uintptr_t, 2> captured;  // a hint: where libraries keep small lambdas
    std::memcpy(captured.data(), &callbacks_[heap_.front().slot()], sizeof captured);
    Prefetch(captured[0], 8);
    Prefetch(captured[1] - 4 * kLine, 16);
  }

  // Of a callback that was not taken: as if it had never been added.
  void Cancel(Id id) {
    callbacks_[id] = nullptr;
    DropCancelled();
  }

 private:
  // 16 bytes, for the heap to move, compared as one number: the time's bits (a double that is not
  // negative sorts as they do), whether it is in order, how many were added before, the slot.
  struct Event {
    uint64_t order_and_slot;
    uint64_t time;
    Id slot() const { return static_cast<Id>(order_and_slot & (kMostSlots - 1)); }
  };
  static constexpr int kSlotBits = 26;
  static constexpr uint64_t kMostSlots = uint64_t{1} << kSlotBits;  // callbacks that wait at once
  static constexpr uint64_t kInOrder = uint64_t{1} << (63 - kSlotBits);
  static constexpr size_t kLong = 1000;
  static constexpr uintptr_t kLine = 64;  // bytes of a cache
  static_assert(sizeof(std::function<void()>) >= 2 * sizeof(void*));
  struct IsLater {
    bool operator()(const Event& a, const Event& b) const { return Key(a) > Key(b); }
    __extension__ using Wide = unsigned __int128;
    static Wide Key(const Event& event) {
      return static_cast<Wide>(event.time) << 64 | event.order_and_slot;
    }
  };

  Id Insert(Seconds time, uint64_t in_order, std::function<void()> callback) {
    if (next_order_ == most_orders_) Renumber();
    if (free_slots_.empty()) {
      HAT_CHECK(callbacks_.size() < kMostSlots, "too many callbacks wait at once");
      free_slots_.push_back(static_cast<Id>(callbacks_.size()));
      callbacks_.emplace_back();
    }
    const Id slot = free_slots_.back();
    free_slots_.pop_back();
    callbacks_[slot] = std::move(callback);
    const double positive = time.value() + 0.0;  // not -0
    const uint64_t order = in_order | next_order_++;
    heap_.push_back({order << kSlotBits | slot, std::bit_cast<uint64_t>(positive)});
    std::push_heap(heap_.begin(), heap_.end(), IsLater());
    return slot;
  }

  static void Prefetch(uintptr_t place, int lines) {
    for (; lines > 0; --lines, place += kLine) {
      __builtin_prefetch(reinterpret_cast<const char*>(place));
    }
  }

  void Renumber() {
    std::sort(heap_.rbegin(), heap_.rend(), IsLater());  // which makes it a heap too
    next_order_ = 0;
    for (Event& event : heap_) {
      const uint64_t in_order = event.order_and_slot & (kInOrder << kSlotBits);
      event.order_and_slot = in_order | next_order_++ << kSlotBits | event.slot();
    }
    HAT_CHECK(next_order_ < most_orders_);
  }

  void PopFront() {
    free_slots_.push_back(heap_.front().slot());
    std::pop_heap(heap_.begin(), heap_.end(), IsLater());
    heap_.pop_back();
  }

  // What is in front is never cancelled.
  void DropCancelled() {
    while (!heap_.empty() && !callbacks_[heap_.front().slot()]) PopFront();
  }

  std::vector<Event> heap_;
  std::vector<std::function<void()>> callbacks_;
  std::vector<Id> free_slots_;
  uint64_t next_order_ = 0;
  uint64_t most_orders_;
};

}  // namespace hat
