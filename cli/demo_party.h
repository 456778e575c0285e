// The programs of 'hat demo': a cloud and devices on this machine, with keys that nobody else has.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "cli/answer_pane.h"
#include "core/scratch_folder.h"
#include "core/talking_child.h"

namespace hat {

struct DemoOptions {
  std::string model = "models/small";
  std::string system = "hat";
  int max_new_tokens = 64;
};

// A step of a device's answer.
struct DemoRound {
  std::vector<TextPiece> drafted;   // all of them, kept or dropped
  std::vector<TextPiece> finished;  // what it yielded, the target's own token last
};

// What a device is at.
struct DemoAnswer {
  std::vector<DemoRound> rounds;
  bool has_ended = false;
  std::string problem;  // why there is no (whole) answer
  // Once it has:
  double ttft_ms = 0, tbt_ms = 0, accept_length = 0;
  int tokens = 0, drafted = 0, accepted = 0, rounds_done = 0;
};

// Sums over a cloud's batches.
struct CloudCounts {
  double batches = 0, tokens = 0, sequences = 0;
};

class DemoParty {
 public:
  // All are there and connected. Throws RunError, also if the user interrupts.
  DemoParty(const DemoOptions& options, int devices);
  ~DemoParty();

  int devices() const { return static_cast<int>(devices_.size()); }
  int metrics_port() const { return metrics_port_; }
  CloudCounts Counts() const;  // by a scrape of its /metrics

  // UTF-8; what a user says, where the model has a chat template.
  void Ask(int device, const std::string& prompt);
  // What came from it since; appended. Throws RunError if it has ended.
  void Hear(int device, DemoAnswer& answer);

 private:
  std::string Await(TalkingChild& child, const std::string& start);

  ScratchFolder scratch_;
  int max_new_tokens_;
  const char* ask_as_;  // a prompt or, where the model has a template for it, a user's turn
  int metrics_port_ = 0;
  std::unique_ptr<TalkingChild> cloud_;
  std::vector<std::unique_ptr<TalkingChild>> devices_;
};

}  // namespace hat
