// Laws of cause, bytes and batches (laws.h).
#pragma once

#include <deque>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "experiments/laws/laws.h"

namespace hat {

class CauseLaws : public Observer {
 public:
  CauseLaws(const LawOptions& options, Violations& violations);
  ~CauseLaws() override;

  void OnStart(const Request& request, Seconds at) override;
  void OnDeviceOp(const DeviceOpEvent& event) override;
  void OnFrame(const FrameEvent& event) override;
  void OnAdmitted(int request, int replica, Seconds at) override;
  void OnStage(const StageEvent& event) override;
  void OnStageFailed(const Batch& batch, int stage, const Span& span) override;
  void OnTokens(int request, int count, Seconds at) override;
  void OnEnd(int request, Outcome outcome, Seconds at) override;

 private:
  struct Session;
  struct InFlight {  // a batch between two stages
    int stage = 0;
    Seconds linked;
    bool has_left = false;
  };
  struct Pipeline {
    int first = 0;  // ordinal of batches.front()
    std::deque<InFlight> batches;
  };

  Session* Find(int request);  // null before its start and after its end
  void OnUp(const FrameEvent& event, Session& session);
  void OnDown(const FrameEvent& event, Session& session);
  void OnHead(const DeviceOpEvent& event, Session& session);
  void OnBatchFormed(const Batch& batch, Seconds start);
  void OnPrefillPart(const BatchPart& part, Session& session);
  void CheckPipeline(const StageEvent& event);
  void Leave(Pipeline& pipeline, int ordinal);
  void OnLastStage(const StageEvent& event);

  // "cause: request 3: <what> at ... s, before its cause at ... s" unless `at` >= `cause`.
  void Follows(int request, std::string_view what, Seconds at, Seconds cause);
  void Require(bool holds, std::string_view law, int request, std::string_view what);

  LawOptions options_;
  Violations& violations_;
  std::vector<std::unique_ptr<Session>> sessions_;  // by request
  std::vector<Pipeline> pipelines_;                 // by replica
  std::set<int> failed_;                            // requests
};

}  // namespace hat
