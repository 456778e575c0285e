// Laws of conservation and tokens (laws.h).
#pragma once

#include <vector>

#include "experiments/laws/laws.h"

namespace hat {

class RequestLaws : public Observer {
 public:
  RequestLaws(const LawOptions& options, Violations& violations)
      : is_split_(options.system.is_split()),
        has_rounds_(is_split_ || options.system.drafts()),
        ends_at_end_of_text_(options.ends_at_end_of_text),
        violations_(violations) {}

  void OnArrival(const Request& request) override;
  void OnStart(const Request& request, Seconds at) override;
  void OnDeviceOp(const DeviceOpEvent& event) override;
  void OnFrame(const FrameEvent& event) override;
  void OnStage(const StageEvent& event) override;
  void OnRound(const RoundEvent& event) override;
  void OnTokens(int request, int count, Seconds at) override;
  void OnEnd(int request, Outcome outcome, Seconds at) override;
  void Finish(bool is_partial);

 private:
  enum class State : uint8_t { kUnseen, kArrived, kStarted, kEnded, kFailed };
  struct Count {
    State state = State::kUnseen;
    int wanted = 0;
    int tokens = 0;
    int rounds = 0;
    int accepted = 0;
    int verify_positions = 0;  // of the newest verification: sent, or batched where none is sent
    // Steps since the last round, and those that it kept.
    int draft_steps = 0;
    int ahead_steps = 0;
    int kept_steps = 0;
  };

  Count& Of(int request);
  Count& Running(int request, std::string_view what);  // complains if it does not run
  void Conservation(int request, const std::string& what);
  void OnFailed(int request);
  void CheckSteps(const RoundEvent& event, Count& count);

  bool is_split_;
  bool has_rounds_;
  bool ends_at_end_of_text_;
  Violations& violations_;
  std::vector<Count> counts_;
  int64_t arrived_ = 0, completed_ = 0, failed_ = 0;
};

}  // namespace hat
