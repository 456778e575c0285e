#include "protocol/device.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <vector>

namespace hat {

// A session's inbox, known to the device while this lives.
class Device::Registration {
 public:
  Registration(Device& device, SessionId session)
      : device_(device), session_(session), inbox_(device.context_.world) {
    const std::lock_guard lock(device_.mutex_);
    device_.inboxes_[session_] = &inbox_;
    if (device_.stopped_) inbox_.End(*device_.stopped_);
  }
  ~Registration() {
    const std::lock_guard lock(device_.mutex_);
    device_.inboxes_.erase(session_);
  }
  Registration(const Registration&) = delete;
  Registration& operator=(const Registration&) = delete;

  Inbox& inbox() { return inbox_; }

 private:
  Device& device_;
  SessionId session_;
  Inbox inbox_;
};

Device::Device(DeviceContext context, int max_sessions, MakeCompute make_compute, OnEnd on_end)
    : context_(context),
      max_sessions_(max_sessions),
      make_compute_(std::move(make_compute)),
      on_end_(std::move(on_end)),
      mutex_(context_.world) {}

void Device::OnArrival(const Request& request) {
  context_.observer.OnArrival(request);
  std::optional<SessionEnd> stopped;
  {
    const std::lock_guard lock(mutex_);
    stopped = stopped_;
    if (!stopped) {
      if (running_ == max_sessions_) {
        waiting_.push_back(request);
        return;
      }
      ++running_;
    }
  }
  if (stopped) return Tell(request, *stopped);
  context_.world.Start(fmt::format("device {} request {}", request.device, request.id),
                       [this, request] { ServeUntilIdle(request); });
}

void Device::OnFrame(Frame frame) {
  const Seconds now = context_.world.Now();
  const std::lock_guard lock(mutex_);
  const auto inbox = inboxes_.find(frame.header.session);
  if (inbox == inboxes_.end()) return;
  const bool is_answer = frame.header.kind != FrameKind::kAbort && !HeaderProblem(frame.header);
  if (is_answer) context_.monitor.OnHeader(frame.header);
  inbox->second->Push({std::move(frame), now});
}

void Device::Stop(const SessionEnd& end) {
  std::deque<Request> waiting;
  {
    const std::lock_guard lock(mutex_);
    if (stopped_) return;
    stopped_ = end;
    std::vector<SessionId> sessions;  // in order: inboxes_ has none
    for (const auto& [session, inbox] : inboxes_) sessions.push_back(session);
    std::ranges::sort(sessions);
    for (const SessionId session : sessions) inboxes_.at(session)->End(end);
    waiting.swap(waiting_);
  }
  for (const Request& request : waiting) Tell(request, end);
}

void Device::ServeUntilIdle(Request request) {
  for (;;) {
    int started_before = 0;
    {
      const std::lock_guard lock(mutex_);
      started_before = started_++;
    }
    Tell(request, ServeOne(request, started_before));
    const std::lock_guard lock(mutex_);
    if (waiting_.empty()) {
      --running_;
      return;
    }
    request = waiting_.front();
    waiting_.pop_front();
  }
}

SessionEnd Device::ServeOne(const Request& request, int started_before) {
  context_.observer.OnStart(request, context_.world.Now());
  Registration registration(*this, static_cast<SessionId>(request.id));
  std::unique_ptr<DeviceCompute> compute;
  try {
    compute = make_compute_(request, started_before);
  } catch (const std::exception& error) {  // no memory for its caches
    return {Outcome::kFailed, error.what(), std::current_exception()};
  }
  return MakeSession(context_, *compute, registration.inbox())->Serve(request);
}

void Device::Tell(const Request& request, const SessionEnd& end) {
  const Seconds now = context_.world.Now();
  if (end.outcome != Outcome::kCompleted) {
    context_.observer.OnFailure(request.id, end.reason, now);
  }
  context_.observer.OnEnd(request.id, end.outcome, now);
  on_end_(request, end);
}

}  // namespace hat
