// An observer for worlds of threads: passes every event on, one at a time.
#pragma once

#include <mutex>

#include "protocol/observer.h"

namespace hat {

class LockedObserver : public Observer {
 public:
  explicit LockedObserver(Observer& observer) : observer_(observer) {}

  void OnArrival(const Request& request) override {
    const std::lock_guard lock(mutex_);
    observer_.OnArrival(request);
  }
  void OnStart(const Request& request, Seconds at) override {
    const std::lock_guard lock(mutex_);
    observer_.OnStart(request, at);
  }
  void OnDeviceOp(const DeviceOpEvent& event) override {
    const std::lock_guard lock(mutex_);
    observer_.OnDeviceOp(event);
  }
  void OnFrame(const FrameEvent& event) override {
    const std::lock_guard lock(mutex_);
    observer_.OnFrame(event);
  }
  void OnAdmitted(int request, int replica, Seconds at) override {
    const std::lock_guard lock(mutex_);
    observer_.OnAdmitted(request, replica, at);
  }
  void OnStage(const StageEvent& event) override {
    const std::lock_guard lock(mutex_);
    observer_.OnStage(event);
  }
  void OnStageFailed(const Batch& batch, int stage, const Span& span) override {
    const std::lock_guard lock(mutex_);
    observer_.OnStageFailed(batch, stage, span);
  }
  void OnRound(const RoundEvent& event) override {
    const std::lock_guard lock(mutex_);
    observer_.OnRound(event);
  }
  void OnTokens(int request, int count, Seconds at) override {
    const std::lock_guard lock(mutex_);
    observer_.OnTokens(request, count, at);
  }
  void OnFailure(int request, std::string_view reason, Seconds at) override {
    const std::lock_guard lock(mutex_);
    observer_.OnFailure(request, reason, at);
  }
  void OnEnd(int request, Outcome outcome, Seconds at) override {
    const std::lock_guard lock(mutex_);
    observer_.OnEnd(request, outcome, at);
  }
  void OnRefused(int device, const FrameHeader& header, std::string_view why, Seconds at) override {
    const std::lock_guard lock(mutex_);
    observer_.OnRefused(device, header, why, at);
  }

  // What else must not happen while an event is told.
  template <class Work>
  auto Locked(Work work) {
    const std::lock_guard lock(mutex_);
    return work();
  }

 private:
  Observer& observer_;
  std::mutex mutex_;
};

}  // namespace hat
