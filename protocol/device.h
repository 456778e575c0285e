// A device: at most max_sessions requests at once, FIFO beyond; answers are passed to the session
// they belong to.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <unordered_map>

#include "protocol/device_session.h"

namespace hat {

class Device {
 public:
  // Makes the compute port of the n-th request started here (n from 0, for the power mode).
  using MakeCompute =
      std::function<std::unique_ptr<DeviceCompute>(const Request&, int started_before)>;
  using OnEnd =
      std::function<void(const Request&)>;  // called in the session's activity; may not block

  Device(DeviceContext context, int max_sessions, MakeCompute make_compute, OnEnd on_end);

  // The request arrives, now. Does not block.
  void OnArrival(const Request& request);

  // A frame from the cloud has arrived whole, now. Does not block.
  void OnFrame(Frame frame);

 private:
  void ServeUntilIdle(Request request);
  void ServeOne(const Request& request, int started_before);

  DeviceContext context_;
  int max_sessions_;
  MakeCompute make_compute_;
  OnEnd on_end_;
  std::mutex mutex_;  // of everything below
  int running_ = 0;
  int started_ = 0;
  std::deque<Request> waiting_;
  std::unordered_map<SessionId, Inbox*> inboxes_;
};

}  // namespace hat
