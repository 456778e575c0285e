// The observer behind every result: a compact row a request, 8 bytes a round, and sums over batches
// and resources. For one thread at a time, as laws and timeline. Nothing is allocated per event but
// by vectors that grow.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "core/units.h"
#include "experiments/watch/busy_bins.h"
#include "experiments/watch/draft_counts.h"
#include "experiments/watch/round_parts.h"
#include "experiments/watch/slot_pool.h"
#include "experiments/watch/ttft_parts.h"
#include "protocol/observer.h"

namespace hat {

// Mean and sample standard deviation of a stream (Welford 1962), and its largest value.
class Moments {
 public:
  void Add(double x) {
    max_ = count_ == 0 ? x : std::max(max_, x);
    ++count_;
    const double delta = x - mean_;
    mean_ += delta / static_cast<double>(count_);
    squares_ += delta * (x - mean_);
  }
  int64_t count() const { return count_; }
  double mean() const { return mean_; }
  double max() const { return max_; }  // 0 for none
  double std() const {                 // 0 for fewer than two values
    return count_ < 2 ? 0 : std::sqrt(squares_ / static_cast<double>(count_ - 1));
  }

 private:
  int64_t count_ = 0;
  double mean_ = 0;
  double squares_ = 0;
  double max_ = 0;
};

// What is known of a request in the end. The counters are those of the protocol: tokens = 1 +
// rounds + accepted.
struct RequestRow {
  enum class State : uint8_t { kUnseen, kInFlight, kCompleted, kFailed };

  State state = State::kUnseen;
  Request request;
  Seconds first_token;  // when it was out; valid if tokens > 0
  Seconds last_token;
  Seconds ended;
  TtftParts parts;
  int tokens = 0;
  int rounds = 0;
  int drafted = 0;
  int accepted = 0;
  int ahead_steps = 0;
  int wasted_steps = 0;
  Bytes bytes_up, bytes_down;
  Bytes decode_bytes_up, decode_bytes_down;  // of these, frames of rounds and their answers
  int found = 0;         // requests in the system when it arrived, itself not counted
  int path_slot = -1;    // of Recorder's; until the first token
  int rounds_slot = -1;  // of Recorder's; from what follows the first token to the end

  Seconds Ttft() const { return first_token - request.arrival; }
  Seconds E2e() const { return last_token - request.arrival; }
  Seconds Tbt() const { return (last_token - first_token) / (tokens - 1); }  // tokens > 1
  Seconds Ntpot() const { return E2e() / tokens; }
};

struct RecorderOptions {
  std::vector<std::string> classes;  // of devices
  std::vector<int> class_of_device;  // index into `classes`, a device
  int replicas = 1;
  int stages = 0;           // 0: no cloud
  int warmup_requests = 0;  // requests with a smaller id are left out of the summary
  bool keep_gaps = false;   // for gaps.csv: 16 bytes per round
  // How deep a draft of n proposals is: [n], of a tree's nodes in its order. Empty: chains, n.
  std::vector<int32_t> draft_depths = {};
};

// Output tokens that were out at one time.
struct TokenEvent {
  int request = 0;
  int count = 0;
  Seconds at;
};

class Recorder : public Observer {
 public:
  explicit Recorder(RecorderOptions options);

  void OnArrival(const Request& request) override;
  void OnDeviceOp(const DeviceOpEvent& event) override;
  void OnFrame(const FrameEvent& event) override;
  void OnStage(const StageEvent& event) override;
  void OnRound(const RoundEvent& event) override;
  void OnTokens(int request, int count, Seconds at) override;
  void OnEnd(int request, Outcome outcome, Seconds at) override;

  // Read these when no more events come.
  const RecorderOptions& options() const { return options_; }
  const std::vector<RequestRow>& rows() const { return rows_; }  // by request id
  const std::vector<TokenEvent>& token_events() const { return token_events_; }
  int64_t total_rounds() const { return total_rounds_; }

  // Of the requests that count in the summary: completed, and after the warm-up.
  bool IsMeasured(const RequestRow& row) const {
    return IsAfterWarmup(row) && row.state == RequestRow::State::kCompleted;
  }
  // Times between two deliveries of tokens (OnTokens) to one of them, request after request in the
  // order of their ends.
  const std::vector<Seconds>& round_gaps() const { return round_gaps_; }
  const DraftCounts& draft_counts() const { return draft_counts_; }  // of their rounds
  // Parts of their TBTs (of those that have one): each request's, summed over requests.
  const RoundParts& tbt_parts() const { return tbt_parts_; }

  // The measured window: from the arrival of the first request after the warm-up to the last
  // event.
  Seconds window_start() const { return window_start_; }    // infinite if that request never came
  Seconds window() const;                                   // its length, >= 0
  int64_t window_tokens() const { return window_tokens_; }  // output tokens that were out in it
  const Moments& batch_tokens() const { return batch_tokens_; }  // batches formed in it
  const Moments& stage_s() const { return stage_s_; }            // stage operations started in it

  // The part of the window in which the resources worked, on average over the class's GPUs, the
  // devices' links, the replicas' stages; in [0, 1]. An operation counts when it has ended.
  double ClassUtilisation(int device_class) const;
  double LinkUtilisation(Direction direction) const;
  double StageUtilisation(int stage) const;
  // The same from the first arrival (warm-up or not) to the last event, in up to 128 parts of it:
  // in each the utilisation of the classes, the links up and down, the stages. The parts are
  // equally long, but the last one ends with the last event.
  struct TimeBin {
    Seconds from, to;  // since the first arrival
    std::vector<double> utilisation;
  };
  std::vector<TimeBin> UtilisationOverTime() const;
  // The largest utilisation from the window's start to the last arrival: without the time in which
  // the run drains.
  double BusiestUntilLastArrival() const;

 private:
  struct BusyTimes {
    std::vector<Seconds> classes;
    std::vector<Seconds> links;  // by Direction
    std::vector<Seconds> stages;
  };
  // Of a request until it ends: only then is it known whether it is measured.
  struct Rounds {
    struct Draft {
      uint16_t depth, accepted;  // policy.max_draft is at most 1000
    };
    std::vector<Seconds> gaps;
    std::vector<Draft> drafts;  // of rounds that have one
    RoundPath path;
  };
  bool IsAfterWarmup(const RequestRow& row) const {
    return row.request.id >= options_.warmup_requests;
  }
  RequestRow& Row(int request);
  TtftPath* PathOf(const RequestRow& row);
  void ClosePath(RequestRow& row);
  // Null for a request that will not be measured.
  Rounds* RoundsOf(RequestRow& row) {
    return row.rounds_slot < 0 ? OpenRounds(row) : &rounds_[row.rounds_slot];
  }
  Rounds* OpenRounds(RequestRow& row);
  void CloseRounds(RequestRow& row);
  void AddTbtParts(const RoundParts& parts, int tokens_after_first);
  int DraftDepth(int proposals) const;
  void See(Seconds at) { last_event_ = std::max(last_event_, at); }
  void AddBusy(std::vector<Seconds> BusyTimes::*kind, int index, Seconds start, Seconds end);
  Seconds InWindow(Seconds start, Seconds end) const;
  double Utilisation(Seconds busy, double resources) const;
  double devices() const { return static_cast<double>(options_.class_of_device.size()); }

  RecorderOptions options_;
  std::vector<RequestRow> rows_;
  SlotPool<TtftPath> paths_;  // of requests without a first token
  SlotPool<Rounds> rounds_;   // of requests that decode
  std::vector<Seconds> round_gaps_;
  DraftCounts draft_counts_;
  RoundParts tbt_parts_;
  std::vector<TokenEvent> token_events_;
  int in_system_ = 0;
  int64_t total_rounds_ = 0;

  Seconds window_start_ = Seconds::Infinity();
  Seconds last_event_;
  int64_t window_tokens_ = 0;
  Moments batch_tokens_, stage_s_;
  std::vector<int> class_size_;
  BusyTimes busy_;
  BusyTimes busy_at_last_arrival_;
  Seconds last_arrival_;
  Seconds first_arrival_ = Seconds::Infinity();
  BusyBins busy_bins_;  // classes, links, stages
};

}  // namespace hat
