// The cloud: admission, one or more replicas of a pipeline of P stages with a one-batch buffer in
// front of each but the first, answers. Written once for both worlds; each stage is an activity.
#pragma once

#include <memory>
#include <mutex>
#include <unordered_map>
#include <vector>

#include "protocol/admission.h"
#include "protocol/ports.h"
#include "protocol/state_monitor.h"
#include "protocol/system.h"
#include "protocol/work_queue.h"

namespace hat {

class CloudServer {
 public:
  // `replicas`: a compute port each; all references must outlive the server's activities.
  // `hidden`: values a state, for frame sizes.
  CloudServer(World& world, const CloudConfig& config, const SystemSpec& system, int hidden,
              std::vector<CloudCompute*> replicas, Downlinks& downlinks, Observer& observer);
  ~CloudServer();

  // Starts the stages' activities.
  void Start();

  // A frame of `device` has arrived whole, now. Does not block.
  void OnFrame(int device, Frame frame);

  // The stages end once they have no work left.
  void Stop();

 private:
  struct Session {
    int device = 0;
    int replica = -1;  // not admitted yet
    int prompt_tokens = 0;
    int output_tokens = 0;
    int raw_tokens_out = 0;  // cloud-only
    WireDtype dtype = WireDtype::kFloat16;
    std::vector<std::pair<Seconds, Frame>>
        held;  // frames, with their arrivals, until it is admitted
  };
  class Replica;

  void Admit(const std::vector<Admission::Admitted>& admitted);
  void Close(SessionId session);
  void Answer(Replica& replica, Batch& batch);
  void AnswerPart(Replica& replica, BatchPart& part);
  void ReenterStageZero(Replica& replica, const BatchPart& part);

  World& world_;
  CloudConfig config_;
  SystemSpec system_;
  int hidden_;
  Downlinks& downlinks_;
  Observer& observer_;
  std::unique_ptr<PrefillCut> cut_;
  std::mutex mutex_;  // of everything below, and of the replicas' queues and monitors
  Admission admission_;
  UplinkMonitor uplinks_;
  std::unordered_map<SessionId, Session> sessions_;
  std::vector<std::unique_ptr<Replica>> replicas_;
};

}  // namespace hat
