#include "tests/bench/spike.h"

#include <algorithm>
#include <array>
#include <memory>
#include <simgrid/kernel/Timer.hpp>
#include <simgrid/s4u.hpp>
#include <utility>
#include <vector>

#include "sim/simgrid_versions.h"

namespace hat {
namespace {

namespace sg = simgrid::s4u;

// Seconds, close to experiments/scale/closed_loop_30.toml: batches then hold as many rounds.
constexpr double kInput = 7.2e-3;
constexpr double kHead = 2.3e-3;
constexpr double kUpload = 1.1e-3;
constexpr double kDownload = 0.7e-3;
constexpr double kLinkLatency = 2e-3;
constexpr double kStage = 5.3e-3;
constexpr size_t kStages = 4;

// A frame leaves at max(now, link free) + duration and arrives a latency later.
class Link {
 public:
  explicit Link(double frame_s) : frame_s_(frame_s) {}

  template <class F>
  void Send(F on_arrival) {
    free_ = std::max(free_, sg::Engine::get_clock()) + frame_s_;
    simgrid::kernel::timer::Timer::set(free_ + kLinkLatency, std::move(on_arrival));
  }

 private:
  double frame_s_;
  double free_ = 0;
};

struct Device {
  explicit Device(double slowness) : speed(slowness) {}
  double speed;  // devices differ, so that they do not march in step
  Link up{kUpload};
  Link down{kDownload};
  sg::SemaphorePtr answer = sg::Semaphore::create(0);
};

class Replica {
 public:
  void Start(sg::Host& host) {
    for (size_t stage = 0; stage < kStages; ++stage) {
      AddDaemon("stage", host, [this, stage] { RunStage(stage); });
    }
  }

  void OnFrame(Device& device) {
    waiting_.push_back(&device);
    if (std::exchange(is_idle_, false)) work_->release();
  }

 private:
  using Batch = std::vector<Device*>;
  struct Buffer {
    sg::SemaphorePtr room = sg::Semaphore::create(1);
    sg::SemaphorePtr ready = sg::Semaphore::create(0);
    Batch batch;
  };

  void RunStage(size_t stage) {
    for (;;) {
      Batch batch = stage == 0 ? FormBatch() : Take(buffers_[stage - 1]);
      sg::this_actor::sleep_for(kStage);
      if (stage + 1 == kStages) {
        for (Device* device : batch) device->down.Send([device] { device->answer->release(); });
      } else {
        buffers_[stage].room->acquire();
        buffers_[stage].batch = std::move(batch);
        buffers_[stage].ready->release();
      }
    }
  }

  Batch FormBatch() {
    if (waiting_.empty()) {
      is_idle_ = true;
      work_->acquire();
    }
    return std::exchange(waiting_, {});
  }

  static Batch Take(Buffer& buffer) {
    buffer.ready->acquire();
    Batch batch = std::move(buffer.batch);
    buffer.room->release();
    return batch;
  }

  Batch waiting_;
  bool is_idle_ = false;
  sg::SemaphorePtr work_ = sg::Semaphore::create(0);
  std::array<Buffer, kStages - 1> buffers_;
};

void RunDevice(Device& device, Replica& replica, int rounds) {
  for (int round = 0; round < rounds; ++round) {
    sg::this_actor::sleep_for(kInput * device.speed);
    device.up.Send([&] { replica.OnFrame(device); });
    device.answer->acquire();
    sg::this_actor::sleep_for(kHead * device.speed);
  }
}

}  // namespace

void RunSpike(int devices, int rounds_per_device) {
  int argc = 2;
  std::array<char*, 3> argv{const_cast<char*>("spike"), const_cast<char*>("--log=root.thres:error"),
                            nullptr};
  sg::Engine engine(&argc, argv.data());
  sg::Engine::set_config("contexts/stack-size:128");
  sg::NetZone& zone = AddFullZone(engine, "zone");
  sg::Host& host = AddHost(zone, "host");
  zone.seal();

  std::vector<std::unique_ptr<Replica>> replicas;
  std::vector<std::unique_ptr<Device>> fleet;
  for (int d = 0; d < devices; ++d) {
    if (d % kSpikeDevicesPerReplica == 0) {
      replicas.push_back(std::make_unique<Replica>());
      replicas.back()->Start(host);
    }
    fleet.push_back(std::make_unique<Device>(0.7 + 0.6 * d / devices));
    AddActor("device", host, [&, device = fleet.back().get(), &replica = *replicas.back()] {
      RunDevice(*device, replica, rounds_per_device);
    });
  }
  engine.run();
}

}  // namespace hat
