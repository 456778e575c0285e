// Laws of overlap and utilisation (laws.h).
#pragma once

#include <array>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "experiments/laws/laws.h"

namespace hat {

class ResourceLaws : public Observer {
 public:
  ResourceLaws(const LawOptions& options, Violations& violations);

  void OnDeviceOp(const DeviceOpEvent& event) override;
  void OnFrame(const FrameEvent& event) override;
  void OnStage(const StageEvent& event) override;
  void OnStageFailed(const Batch& batch, int stage, const Span& span) override;
  void Finish();

 private:
  // Something that does one thing at a time.
  struct Resource {
    Seconds requested;  // of the newest that was served in FIFO order
    Seconds free;       // since when
    Seconds busy;       // for how long in all
  };
  struct Gpu : Resource {
    Seconds ahead_start;  // of the newest draft-ahead step
    bool has_ahead = false;
    DeviceOpEvent newest;  // that did not run as a part of another one
  };
  struct Stage : Resource {
    static constexpr int kRemembered = 4;
    Seconds linked;                           // of the newest batch
    int ordinal = -1;                         // of the newest batch
    std::array<Seconds, kRemembered> starts;  // by ordinal mod kRemembered
  };
  struct Name {
    const char* what;
    int index;
    int part;
  };

  void CheckJoined(const Gpu& gpu, const Name& name, const DeviceOpEvent& event);
  void Use(Resource& resource, const Name& name, const Span& span, bool is_fifo);
  void CheckBuffers(const StageEvent& event);
  void CheckReservation(const Stage& stage, const Stage& next, int ordinal, const Name& name);
  void Broken(const Name& name, const std::string& what);
  Stage& StageAt(int replica, int stage);
  int NextOrdinal(int replica, const Stage& stage) const;

  LawOptions options_;
  Violations& violations_;
  std::vector<Gpu> gpus_;
  std::vector<std::array<Resource, 2>> links_;  // by device, Direction
  std::vector<Stage> stages_;                   // replica-major
  std::set<std::pair<int, int>> gone_;          // batches lost to a stage: (replica, ordinal)
  Seconds last_;
};

}  // namespace hat
