// A device that reaches its cloud over a network. Where the stream ends it makes another one, and
// requests go on there: what is known of them, prompt and output, is prefilled again. To an
// observer each is one request all the while.
#pragma once

#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "runtime/serve/device_link.h"

namespace hat {

class DeviceAgent {
 public:
  struct Setup {
    DeviceLink::Setup link;
    // How often a request goes on over another stream. 0: it fails with its first one.
    int retries = 0;
    // So long, on the machine's clock, another stream is tried for; then requests fail, and the
    // next one that arrives tries again.
    double reconnect_s = 30;
  };

  // Connects. Throws RunError: no cloud, or it refuses.
  explicit DeviceAgent(Setup setup);
  // The world's activities have ended.
  ~DeviceAgent();

  // As Device's.
  void OnArrival(const Request& request);
  // Why the newest stream has ended; nothing while it has not.
  std::optional<std::string> lost() const;
  Seconds round_trip() const;
  Seconds silence() const;  // since something came from the cloud; 0 without a stream

 private:
  // What is known of a request that has not ended.
  struct Asked {
    Request request;
    bool is_started = false;
    int tokens = 0;   // that are out
    int retries = 0;  // so far
  };
  class OneRequestEach;  // an observer

  std::unique_ptr<DeviceLink> Connect(double timeout_s);  // throws RunError
  void Serve(const Request& request);
  void OnEnd(const Request& request, const SessionEnd& end);
  void Reconnect();
  std::unique_ptr<DeviceLink> TryToConnect(std::string* why);

  Setup setup_;
  std::unique_ptr<OneRequestEach> observer_;
  mutable std::mutex mutex_;  // of what follows
  std::map<int, Asked> asked_;
  std::vector<Request> waiting_;  // for another stream
  bool is_connecting_ = false;
  bool is_leaving_ = false;
  std::condition_variable changed_;
  // The newest is the last. Of those before little is left; activities may still be leaving them.
  std::vector<std::unique_ptr<DeviceLink>> links_;
};

}  // namespace hat
