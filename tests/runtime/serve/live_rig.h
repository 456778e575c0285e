// A live cloud and devices in one process: real sockets, TLS and threads; what is computed is fake,
// and checks that each state comes to its place.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "protocol/locked_observer.h"
#include "runtime/serve/cloud_service.h"
#include "runtime/serve/device_agent.h"
#include "tests/core/temp_folder.h"
#include "tests/protocol/fake_cloud.h"
#include "tests/protocol/fake_device.h"
#include "tests/protocol/record.h"
#include "world/thread_world.h"

namespace hat {

class LockedCloudCompute : public FakeCloudCompute {
 public:
  using FakeCloudCompute::FakeCloudCompute;
  void RunStage(int stage, Batch& batch) override {
    const std::lock_guard lock(mutex_);
    FakeCloudCompute::RunStage(stage, batch);
  }
  void Forget(const SessionKey& session) override {
    const std::lock_guard lock(mutex_);
    FakeCloudCompute::Forget(session);
  }

 private:
  std::mutex mutex_;
};

struct LiveRigOptions {
  SystemSpec system = FindSystem("hat");
  int hidden = 512;
  std::optional<FifoLink> shape = {};  // of all links
  double silence_s = 15;
};

class LiveRig {
 public:
  explicit LiveRig(LiveRigOptions options = {}, int devices = 1);
  ~LiveRig();

  // A device that connects now; `change` may change how.
  std::unique_ptr<DeviceAgent> Connect(int device,
                                       const std::function<void(DeviceAgent::Setup&)>& change = {});
  // What a device of these keys says first.
  WireClient::Setup WireOf(int device) const;

  ThreadWorld world;
  Record record;  // read once the world has been joined
  LockedObserver observer{record};
  std::vector<std::string> log;  // lines; under log_mutex
  std::mutex log_mutex;
  Lateness lateness;
  LiveRigOptions options;
  TempFolder folder;
  Agreement agreement;
  std::unique_ptr<LockedCloudCompute> compute;
  std::unique_ptr<CloudService> cloud;

  bool HasLogged(const std::string& text);
  // Until it holds, 10 s at most.
  static bool Eventually(const std::function<bool()>& holds);

 private:
  FakeDeviceModel model_;
  DevicePolicies policies_;
  std::vector<std::unique_ptr<ComputeQueue>> gpus_;
};

}  // namespace hat
