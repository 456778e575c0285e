// A FIFO between activities, built on the World's Signal. Any activity or callback may push; one
// activity pops.
#pragma once

#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>

#include "world/world.h"

namespace hat {

template <class T>
class Channel {
 public:
  explicit Channel(World& world) : signal_(world.MakeSignal()) {}

  void Push(T item) {
    bool wake = false;
    {
      const std::lock_guard lock(mutex_);
      items_.push_back(std::move(item));
      wake = std::exchange(is_waiting_, false);
    }
    if (wake) signal_->Raise();
  }

  std::optional<T> TryPop() {
    const std::lock_guard lock(mutex_);
    if (items_.empty()) return std::nullopt;
    return TakeFront();
  }

  // Blocks until there is an item.
  T Pop() {
    while (MustWait()) signal_->Wait();
    const std::lock_guard lock(mutex_);
    return TakeFront();
  }

  // Blocks until there is an item or the deadline has come. Returns whether there is one; takes
  // nothing.
  bool WaitUntil(Seconds deadline) {
    while (MustWait()) {
      if (!signal_->WaitUntil(deadline)) {
        const std::lock_guard lock(mutex_);
        is_waiting_ = false;
        return !items_.empty();
      }
    }
    return true;
  }

 private:
  bool MustWait() {
    const std::lock_guard lock(mutex_);
    is_waiting_ = items_.empty();
    return is_waiting_;
  }
  T TakeFront() {
    T item = std::move(items_.front());
    items_.pop_front();
    return item;
  }

  // The simulator runs one activity at a time, so there the mutex is never contended.
  std::mutex mutex_;
  std::deque<T> items_;
  bool is_waiting_ = false;
  std::unique_ptr<Signal> signal_;
};

}  // namespace hat
