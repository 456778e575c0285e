// The pace of a scenario's hardware: what a simulated operation would last, real work lasts at
// least. Work that takes longer lasts as long as it takes, and is told to the tally. Free of torch.
//
// Threads wake late, by 0.05 ms and often more, and every operation of a chain by itself. So that
// this does not add up, an operation counts as begun when it could have been: at the end of the one
// before it, as that should have been. It then lasts as much less, if its work leaves it the time.
#pragma once

#include <map>
#include <mutex>
#include <vector>

#include "experiments/hardware/profiled_device.h"
#include "experiments/hardware/profiled_replica.h"
#include "runtime/pace/pace.h"
#include "runtime/pace/pace_tally.h"
#include "world/world.h"

namespace hat {

class HardwareDevicePace : public DevicePace {
 public:
  // References outlive this. `world`: whose time operations are told in. An operation that begins
  // less than `at_once` after the end of another one follows it at once.
  HardwareDevicePace(const World& world, const ProfiledDevice& hardware, PaceTally& tally,
                     Seconds at_once = {})
      : world_(world), hardware_(hardware), tally_(tally), at_once_(at_once) {}

  Seconds Run(const DeviceOperation& operation, Seconds start,
              const std::function<void()>& work) override;

 private:
  const World& world_;
  const ProfiledDevice& hardware_;
  PaceTally& tally_;
  Seconds at_once_;
  Seconds ended_;  // the newest operation, as it should have
};

// A batch could have begun on a stage once its frames had come, or it had crossed the link from the
// stage before; the stage was free; and the one before it had gone on from the next stage's buffer.
class HardwareStagePace : public StagePace {
 public:
  HardwareStagePace(const World& world, ProfiledReplica& hardware, PaceTally& tally)
      : world_(world), hardware_(hardware), tally_(tally) {}

  Seconds Run(int stage, const Batch& batch, Seconds start,
              const std::function<void()>& work) override;
  // Not before `now`, though the next stage counts from when it should have crossed.
  Seconds CrossStageLink(Seconds now, const Batch& batch) override;

 private:
  // Of its newest batch, as it should have.
  struct Stage {
    Seconds began, ended;
  };
  Seconds Begin(size_t stage, const Batch& batch, Seconds start);

  const World& world_;
  ProfiledReplica& hardware_;
  PaceTally& tally_;
  std::mutex mutex_;  // of what follows
  std::vector<Stage> stages_;
  std::map<int, Seconds> left_;  // by a batch's ordinal: its newest stage, or the link behind it
};

}  // namespace hat
