// A running live cloud: a served model, its compute, and the service that devices reach.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "runtime/agent/served.h"
#include "runtime/pace/pace.h"
#include "runtime/serve/cloud_service.h"
#include "runtime/serve/keys/read_keys.h"
#include "world/thread_world.h"

namespace hat {

class CloudProgram {
 public:
  // References outlive the object.
  struct Setup {
    ThreadWorld& world;
    const ServedCloud& served;
    const CloudKeys& keys;
    std::string listen;
    CloudConfig config;             // its replicas and stages are the served model's
    std::vector<StagePace*> paces;  // of each replica
    Observer& observer;             // that locks
    int max_sessions = 64;          // of a device
    double silence_s = 15;          // as WireServer's
    int session_positions = 0;      // that a session's caches have room for
    std::function<LinkSettings(int device)> downlink;
    Lateness* lateness = nullptr;
    std::function<void(const std::string& line)> log = {};
  };
  explicit CloudProgram(Setup setup);  // throws InputError: cannot listen there
  ~CloudProgram();                     // as Stop() without grace

  CloudService& service() { return *service_; }
  // As CloudService::Stop; then waits until the stages have ended.
  void Stop(Seconds grace);

 private:
  ThreadWorld& world_;
  std::vector<std::unique_ptr<CloudCompute>> computes_;
  std::unique_ptr<CloudService> service_;
};

// Links that are the streams as they are.
LinkSettings PlainLink(const Agreement& agreement);

}  // namespace hat
