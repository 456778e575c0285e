// One request's life as tables for people: who held it, from when to when, why; then a line a
// round, with what it said and where its time went. One thread.
#pragma once

#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "experiments/watch/round_parts.h"
#include "experiments/watch/ttft_parts.h"
#include "protocol/observer.h"

namespace hat {

class Explain : public Observer {
 public:
  explicit Explain(int request) : request_(request) {}

  void OnArrival(const Request& request) override;
  void OnStart(const Request& request, Seconds at) override;
  void OnDeviceOp(const DeviceOpEvent& event) override;
  void OnFrame(const FrameEvent& event) override;
  void OnAdmitted(int request, int replica, Seconds at) override;
  void OnStage(const StageEvent& event) override;
  void OnRound(const RoundEvent& event) override;
  void OnTokens(int request, int count, Seconds at) override;
  void OnEnd(int request, Outcome outcome, Seconds at) override;

  bool has_arrived() const { return life_.has_value(); }

  // The table. Times in ms since the request's arrival. Throws InputError if the request never
  // arrived.
  std::string Text() const;

 private:
  struct Line {
    Seconds from, to;
    std::string who;
    std::string why;
  };
  // What happened from one token event to the next.
  struct Round {
    Seconds from, to;
    int tokens = 0;
    RoundEvent counts;
    RoundParts parts;
  };

  bool IsBeforeFirstToken() const { return rounds_.empty() && !first_token_; }
  // Nothing if it took no time.
  void Add(Seconds from, Seconds to, std::string who, std::string why);
  void AddStageLines(const StageEvent& event, const BatchPart& part);
  std::string Head() const;
  std::string Lines() const;
  std::string Rounds() const;
  std::string RoundCounts(int decimals) const;
  std::string RoundTimes(int decimals) const;
  std::string Tail() const;

  int request_;
  int last_seen_ = -1;  // the largest request number of the run
  std::optional<Request> life_;
  TtftPath path_;
  TtftParts parts_;
  RoundPath round_path_;
  std::vector<Line> lines_;
  std::optional<Seconds> first_frame_;  // its arrival in the cloud
  std::optional<Seconds> first_token_;
  std::vector<Round> rounds_;
  Round current_;
  std::deque<RoundEvent> counts_;  // of rounds whose tokens are not out yet
  std::optional<Seconds> ended_;
  Outcome outcome_ = Outcome::kCompleted;
};

}  // namespace hat
