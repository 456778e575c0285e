// A FIFO between activities, built on the World's Signal. Any activity or callback may push or
// close; one activity pops.
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

  // Nothing is pushed any more: what is there can still be taken, then the channel has ended.
  void Close() {
    bool wake = false;
    {
      const std::lock_guard lock(mutex_);
      is_closed_ = true;
      wake = std::exchange(is_waiting_, false);
    }
    if (wake) signal_->Raise();
  }
  bool is_closed() const {
    const std::lock_guard lock(mutex_);
    return is_closed_;
  }

  // Blocks until there is an item, of a channel that nobody closes.
  T Pop() { return *PopUntil(Seconds::Infinity()); }

  // Blocks until there is an item, and takes it; none: the deadline has come, or the channel has
  // ended.
  std::optional<T> PopUntil(Seconds deadline) {
    WaitUntil(deadline);
    return TryPop();
  }

  // Blocks until there is an item or the channel has ended (true), or the deadline has come. Takes
  // nothing.
  bool WaitUntil(Seconds deadline) {
    while (MustWait()) {
      if (!deadline.IsFinite()) {
        signal_->Wait();
      } else if (!signal_->WaitUntil(deadline)) {
        const std::lock_guard lock(mutex_);
        is_waiting_ = false;
        return !items_.empty() || is_closed_;
      }
    }
    return true;
  }

 private:
  bool MustWait() {
    const std::lock_guard lock(mutex_);
    is_waiting_ = items_.empty() && !is_closed_;
    return is_waiting_;
  }

  mutable WorldMutex mutex_;
  Fifo<T> items_;
  bool is_waiting_ = false;
  bool is_closed_ = false;
  std::unique_ptr<Signal> signal_;
};

}  // namespace hat
