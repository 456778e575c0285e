// What a live cloud tells Prometheus: counters that it keeps as an observer, and what the cloud
// holds at the moment, asked at each scrape. docs/live.md has the table of all names.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "protocol/cloud_server.h"
#include "protocol/observer.h"

namespace prometheus {
class Collectable;
}

namespace hat {

class CloudMetrics : public Observer {
 public:
  struct Options {
    std::map<std::string, std::string> labels;  // of every metric, as {"model_name", "..."}
    int replicas = 1;
    int stages = 1;
    int64_t kv_capacity_tokens = 0;  // of all replicas; 0: not limited, then its use is told as 0
  };
  struct Device {
    std::string name;
    Seconds heartbeat_age;  // since it was last heard of
  };
  struct Now {
    CloudServer::Load load;
    std::vector<Device> devices;  // that are connected
  };

  // `look` is called on a thread of the MetricsServer, which must end before what it looks at.
  CloudMetrics(const Options& options, std::function<Now()> look);
  ~CloudMetrics() override;

  void OnFrame(const FrameEvent& event) override;
  void OnAdmitted(int request, int replica, Seconds at) override;
  void OnStage(const StageEvent& event) override;
  void OnStageFailed(const Batch& batch, int stage, const Span& span) override;
  void OnRefused(int device, const FrameHeader& header, std::string_view why, Seconds at) override;

  std::shared_ptr<prometheus::Collectable> collectable() const;  // for a MetricsServer

 private:
  struct State;
  std::shared_ptr<State> state_;
  std::shared_ptr<prometheus::Collectable> collectable_;
};

}  // namespace hat
