// A mutex where the activities of a world are threads; nothing where they take turns on one thread.
// For std::lock_guard.
#pragma once

#include <memory>
#include <mutex>

#include "world/world.h"

namespace hat {

class WorldMutex {
 public:
  explicit WorldMutex(const World& world)
      : mutex_(world.is_concurrent() ? std::make_unique<std::mutex>() : nullptr) {}

  void lock() {
    if (mutex_) mutex_->lock();
  }
  void unlock() {
    if (mutex_) mutex_->unlock();
  }

 private:
  std::unique_ptr<std::mutex> mutex_;
};

}  // namespace hat
