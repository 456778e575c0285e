// A FIFO between activities, built on the World's Signal. Any activity or callback may push; one
// activity pops.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <utility>

#include "core/fifo.h"
#include "world/world.h"
#include "world/world_mutex.h"

namespace hat {

template <class T>
class Channel {
 public:
  explicit Channel(World& world) : mutex_(world), signal_(world.MakeSignal()) {}

  void Push(T item) {
    bool wake = false;
    {
      const std::lock_guard lock(mutex_);
      items_.Push(std::move(item));
      wake = std::exchange(is_waiting_, false);
    }
    if (wake) signal_->Raise();
  }

  std::optional<T> TryPop() {
    const std::lock_guard lock(mutex_);
    if (items_.empty()) return std::nullopt;
    return items_.Pop();
  }

  // Blocks until there is an item.
  T Pop() {
    while (MustWait()) signal_->Wait();
    const std::lock_guard lock(mutex_);
    return items_.Pop();
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

  WorldMutex mutex_;
  Fifo<T> items_;
  bool is_waiting_ = false;
  std::unique_ptr<Signal> signal_;
};

}  // namespace hat
