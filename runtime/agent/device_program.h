// A running live device: a served model, its sessions' tokens, and the stream to the cloud.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "runtime/agent/served.h"
#include "runtime/pace/pace.h"
#include "runtime/serve/device_agent.h"
#include "runtime/serve/keys/read_keys.h"
#include "world/compute_queue.h"
#include "world/thread_world.h"

namespace hat {

class DeviceProgram {
 public:
  // References outlive the object.
  struct Setup {
    ThreadWorld& world;
    const ServedDevice& served;
    const DeviceKeys& keys;
    std::string cloud;  // "host:port"
    DevicePace& pace;
    Observer& observer;  // that locks
    int device = 0;
    int max_sessions = 32;
    Seconds answer_timeout = Seconds::Infinity();
    LinkSettings uplink;
    double heartbeat_s = 5;   // as WireClient's
    int retries = 0;          // as DeviceAgent's
    double reconnect_s = 30;  // likewise
    Lateness* lateness = nullptr;
    std::function<std::vector<int32_t>(const Request&)> prompt;  // its ids
    std::function<void(int started_before)> on_start = {};       // a request gets its session
    // A request's tokens are told as they are out; then its end.
    std::function<void(const Request&, const SessionTokens&, const SessionEnd&)> on_end;
  };
  explicit DeviceProgram(Setup setup);  // connects; throws RunError

  void OnArrival(const Request& request) { agent_->OnArrival(request); }
  // What the request has said so far, over all streams.
  std::vector<int32_t> OutputOf(int request) const;
  // And what its newest verification was about. Within the observer's OnRound or OnTokens.
  std::vector<Proposal> ProposalsOf(int request) const;
  std::optional<std::string> lost() const { return agent_->lost(); }
  Seconds round_trip() const { return agent_->round_trip(); }
  Seconds silence() const { return agent_->silence(); }
  // Ends the stream. All requests have ended.
  void Stop();

 private:
  // Of one request: what it has said over streams that have ended, and over this one.
  struct Said {
    SessionTokens before;  // its prompt is the request's
    SessionTokens now;     // its prompt is all that was known when the stream began
  };
  static void JoinInto(SessionTokens& before, const SessionTokens& now);

  std::unique_ptr<DeviceCompute> MakeCompute(const Request& request, int started_before);
  void OnEnd(const Request& request, const SessionEnd& end);

  Setup setup_;
  ComputeQueue gpu_;
  mutable std::mutex mutex_;  // of the map
  std::map<int, Said> said_;
  std::unique_ptr<DeviceAgent> agent_;
};

}  // namespace hat
