// The cloud: its front door, admission, one or more replicas of a pipeline, answers. Written once
// for all worlds. Nothing that a device sends makes it fail: a frame that the protocol does not
// allow ends its session, with an Abort frame to the device; other sessions do not notice.
#pragma once

#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <utility>
#include <vector>

#include "protocol/admission.h"
#include "protocol/front_door.h"
#include "protocol/pipeline.h"
#include "protocol/state_monitor.h"
#include "protocol/system.h"
#include "protocol/work_queue.h"
#include "world/world_mutex.h"

namespace hat {

class CloudServer : private Pipeline::Server {
 public:
  // References must outlive the server's activities.
  struct Setup {
    World& world;
    CloudConfig config;
    SystemSpec system;
    FrontDoor::Limits limits;
    int max_sessions = INT32_MAX;         // that a device may have open
    std::vector<CloudCompute*> replicas;  // a compute port each
    Downlinks& downlinks;
    Observer& observer;  // may not call back
    // A stage has thrown this, and its activity calls this. Where it returns, the batch's sessions
    // end and the server goes on. It may throw instead in a world whose activities may: the stage
    // has then ended, and so should the run.
    std::function<void(std::exception_ptr)> on_fault = {};
  };
  explicit CloudServer(Setup setup);
  ~CloudServer() override;

  // Starts the stages' activities.
  void Start();

  // A frame of `device` has arrived whole, now. Does not block. A device uses a session's number
  // once, until it is dropped.
  void OnFrame(int device, Frame frame);

  // The device is gone: ends all its sessions. What they hold (reservations, queue entries, caches)
  // is free at once, but for sessions with a part in the pipeline: free when it has left. What
  // comes of `device` afterwards is of another link, and of other sessions, whatever their numbers.
  void Drop(int device);

  // The stages end once they have no work left; new sessions are refused. For a server whose
  // sessions have ended: those that have not get no more answers.
  void Stop();

  // What the sessions that are open now hold; all zero when all have ended.
  struct Load {
    size_t sessions = 0;
    size_t waiting_for_admission = 0;
    size_t queued_frames = 0;
    int64_t kv_tokens = 0;
  };
  Load load() const;

 private:
  struct Session {
    FrontDoor::Session door;
    int replica = -1;       // not admitted yet
    int queued_tokens = 0;  // that wait for stage 0
    int parts_in_pipeline = 0;
    int tokens_out = 0;      // of systems that return tokens
    bool is_ending = false;  // it gets no answers; freed once nothing of it is in the pipeline
    Seconds last_active;
    // Frames, with their arrivals, until it is admitted.
    std::vector<std::pair<Seconds, Frame>> held;
  };
  struct Replica;

  static FrontDoor::Limits LimitsOf(const Setup& setup);

  // Of Pipeline::Server.
  Pipeline::Work LookForWork(int replica) override;
  std::unique_ptr<Batch> FormBatch(int replica) override;
  void RemoveEnded(Batch& batch) override;
  void OnLeft(Batch& batch) override;
  void OnFailed(Batch& batch, std::exception_ptr cause) override;

  // All of the rest is called under the mutex.
  SessionKey KeyOf(int device, SessionId number) const;
  Session* Find(const SessionKey& key);
  void Open(const SessionKey& key, Frame frame, const Refusal& states_problem);
  void Take(const SessionKey& key, Session& session, Frame frame);
  void Queue(Replica& replica, Seconds arrived, const SessionKey& key, Session& session,
             Frame frame);
  void Admit(const std::vector<Admission::Admitted>& admitted);
  Refusal RoomProblem(const SessionKey& key, int64_t kv_tokens) const;
  void Measure(int device, const FrameHeader& header);
  void Refuse(const SessionKey& key, const FrameHeader& header, const std::string& why,
              AbortReason reason);
  void SendAbort(const SessionKey& key, AbortReason reason, const FrontDoor::Session& door);
  void Abort(const SessionKey& key, AbortReason reason);
  void End(const SessionKey& key);
  void Free(const SessionKey& key, Session& session);
  bool LeavePipeline(const BatchPart& part);  // false: it gets no answer
  void AnswerPart(Replica& replica, BatchPart& part);
  Frame MakeAnswer(const Replica& replica, const BatchPart& part, const FrontDoor::Session& door,
                   FrameKind kind, int first_position, int count) const;
  void AnswerTokens(Replica& replica, const BatchPart& part, Session& session);
  void WatchForIdleSessions();
  void EndIdleSessions();
  std::vector<SessionKey> KeysWhere(
      const std::function<bool(const SessionKey&, const Session&)>& holds) const;

  World& world_;
  CloudConfig config_;
  SystemSpec system_;
  FrontDoor::Limits limits_;
  FrontDoor door_;
  int max_sessions_;
  Downlinks& downlinks_;
  Observer& observer_;
  std::function<void(std::exception_ptr)> on_fault_;
  std::unique_ptr<PrefillCut> cut_;
  mutable WorldMutex mutex_;  // of everything below
  Admission admission_;
  UplinkMonitor uplinks_;
  std::unordered_map<SessionKey, Session, SessionKeyHash> sessions_;
  std::unordered_map<int, int> open_sessions_;  // by device, those that are ending not among them
  std::unordered_map<int, int> dropped_;        // links, by device
  int ending_ = 0;                              // sessions
  std::vector<std::unique_ptr<Replica>> replicas_;
  bool is_stopping_ = false;
  bool watches_for_idle_ = false;
};

}  // namespace hat
