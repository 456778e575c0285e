// HAT's state monitor, in its two halves. The device's knows its own operations and what headers
// from the cloud say; the cloud's measures batches, waiting and the devices' uplinks, and writes
// them into the headers that go down. The device's is shared by its sessions and locks; the cloud's
// live under the server's lock.
#pragma once

#include <mutex>
#include <optional>
#include <unordered_map>

#include "protocol/frame.h"
#include "protocol/moving_average.h"
#include "protocol/policies/chunking.h"
#include "world/world_mutex.h"

namespace hat {

class DeviceMonitor {
 public:
  explicit DeviceMonitor(const World& world) : mutex_(world) {}

  void OnInput(int tokens, Seconds duration);  // a prefill's input operation
  void OnDraftStep(Seconds duration);          // draft(1)
  void OnAnswer(Seconds delay);                // of a verification: sent to arrived
  void OnHeader(const FrameHeader& header);    // from the cloud

  // Present once the own input, the uplink and the cloud's batches have been measured.
  std::optional<ChunkEstimate> Chunk() const;

  // How many draft-ahead steps fit into an answer's delay: floor(delay / draft step); 0 before the
  // first estimate.
  int AheadSteps() const;

 private:
  mutable WorldMutex mutex_;
  LinearFit input_;
  MovingAverage draft_step_;
  MovingAverage answer_delay_;
  FrameHeader newest_;  // the newest header's monitor fields
};

// The devices' uplink rates, as the cloud measures them.
class UplinkMonitor {
 public:
  // A frame of `size` has arrived whole. It is a sample if it followed the one before on its link
  // without a gap.
  void OnFrame(int device, const FrameHeader& header, Bytes size, Seconds now);
  void Forget(int device) { uplinks_.erase(device); }
  BytesPerSecond Rate(int device) const;  // 0 before the first sample

 private:
  struct Uplink {
    Seconds last_arrival;
    MovingAverage bytes_per_s;
  };
  std::unordered_map<int, Uplink> uplinks_;  // by device
};

// Of one replica.
class CloudMonitor {
 public:
  void OnPrefillWait(Seconds wait);                    // arrival to entry into stage 0
  void OnBatch(int tokens, Seconds time_in_pipeline);  // entered stage 0 to left the last
  void FillHeader(FrameHeader* header) const;

 private:
  MovingAverage prefill_wait_;
  LinearFit batches_;
};

}  // namespace hat
