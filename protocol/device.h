// A device: its requests wait for a session, its sessions get their answers. Written once for all
// worlds; each session is an activity.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <unordered_map>

#include "protocol/session/session.h"
#include "world/world_mutex.h"

namespace hat {

class Device {
 public:
  // Makes the compute port of the n-th request started here (n from 0, for the power mode).
  using MakeCompute =
      std::function<std::unique_ptr<DeviceCompute>(const Request&, int started_before)>;
  // Called in the session's activity, where there was one; may not block. It may throw in a world
  // whose activities may.
  using OnEnd = std::function<void(const Request&, const SessionEnd&)>;

  Device(DeviceContext context, int max_sessions, MakeCompute make_compute, OnEnd on_end);

  // The request arrives, now. Does not block.
  void OnArrival(const Request& request);

  // A frame from the cloud has arrived whole, now. Does not block. One for a session that has ended
  // is dropped.
  void OnFrame(Frame frame);

  // Ends all requests that run or wait here, and from now on those that arrive: a session as soon
  // as it next waits for the cloud. Does not block.
  void Stop(const SessionEnd& end);

 private:
  class Registration;

  void ServeUntilIdle(Request request);
  SessionEnd ServeOne(const Request& request, int started_before);
  void Tell(const Request& request, const SessionEnd& end);

  DeviceContext context_;
  int max_sessions_;
  MakeCompute make_compute_;
  OnEnd on_end_;
  WorldMutex mutex_;  // of everything below
  int running_ = 0;
  int started_ = 0;
  std::deque<Request> waiting_;
  std::unordered_map<SessionId, Inbox*> inboxes_;
  std::optional<SessionEnd> stopped_;
};

}  // namespace hat
