// What a live device tells Prometheus: how its users' requests go. docs/live.md has the table of
// all names.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "protocol/observer.h"

namespace prometheus {
class Collectable;
}

namespace hat {

class DeviceMetrics : public Observer {
 public:
  struct Options {
    std::map<std::string, std::string> labels;  // of every metric, as {"model_name", "..."}
  };
  struct Now {
    bool is_connected = false;  // to the cloud
    Seconds heartbeat_age;      // since the cloud was last heard of
  };

  // `look` is called on a thread of the MetricsServer, which must end before what it looks at.
  DeviceMetrics(const Options& options, std::function<Now()> look);
  ~DeviceMetrics() override;

  void OnArrival(const Request& request) override;
  void OnStart(const Request& request, Seconds at) override;
  void OnDeviceOp(const DeviceOpEvent& event) override;
  void OnFrame(const FrameEvent& event) override;
  void OnRound(const RoundEvent& event) override;
  void OnTokens(int request, int count, Seconds at) override;
  void OnEnd(int request, Outcome outcome, Seconds at) override;

  std::shared_ptr<prometheus::Collectable> collectable() const;  // for a MetricsServer

 private:
  struct State;
  std::shared_ptr<State> state_;
  std::shared_ptr<prometheus::Collectable> collectable_;
};

}  // namespace hat
