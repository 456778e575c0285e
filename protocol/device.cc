#include "protocol/device.h"

#include <fmt/format.h>

#include <utility>

#include "core/error.h"

namespace hat {

Device::Device(DeviceContext context, int max_sessions, MakeCompute make_compute, OnEnd on_end)
    : context_(context),
      max_sessions_(max_sessions),
      make_compute_(std::move(make_compute)),
      on_end_(std::move(on_end)) {}

void Device::OnArrival(const Request& request) {
  context_.observer.OnArrival(request);
  {
    const std::lock_guard lock(mutex_);
    if (running_ == max_sessions_) {
      waiting_.push_back(request);
      return;
    }
    ++running_;
  }
  context_.world.Start(fmt::format("device {} request {}", request.device, request.id),
                       [this, request] { ServeUntilIdle(request); });
}

void Device::OnFrame(Frame frame) {
  context_.monitor.OnHeader(frame.header);
  const std::lock_guard lock(mutex_);
  const auto inbox = inboxes_.find(frame.header.session);
  HAT_CHECK(inbox != inboxes_.end(), "an answer for no session of this device");
  inbox->second->Push({std::move(frame), context_.world.Now()});
}

void Device::ServeUntilIdle(Request request) {
  for (;;) {
    int started_before = 0;
    {
      const std::lock_guard lock(mutex_);
      started_before = started_++;
    }
    ServeOne(request, started_before);
    const std::lock_guard lock(mutex_);
    if (waiting_.empty()) {
      --running_;
      return;
    }
    request = waiting_.front();
    waiting_.pop_front();
  }
}

void Device::ServeOne(const Request& request, int started_before) {
  context_.observer.OnStart(request, context_.world.Now());
  Inbox inbox(context_.world);
  const std::unique_ptr<DeviceCompute> compute = make_compute_(request, started_before);
  const auto session = static_cast<SessionId>(request.id);
  {
    const std::lock_guard lock(mutex_);
    inboxes_[session] = &inbox;
  }
  DeviceSession(context_, *compute, inbox).Serve(request);
  {
    const std::lock_guard lock(mutex_);
    inboxes_.erase(session);
  }
  context_.observer.OnEnd(request.id, Outcome::kCompleted, context_.world.Now());
  on_end_(request);
}

}  // namespace hat
