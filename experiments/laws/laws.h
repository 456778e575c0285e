// Laws that the events of every run obey, whatever the system. An observer checks them one event at
// a time, for tests and for `hat simulate --check`: a broken law is a mistake of the model or of
// the protocol's code, never of the scenario. For one thread. Times are compared exactly, unless
// the options give a tolerance.
//
// clock: events are told in the order of time, and the times of each are in order.
// conservation: a request arrives once, starts once, ends once; nothing happens to it outside that;
//   in the end arrived = completed + failed + in flight.
// tokens: tokens = 1 + rounds + accepted = tokens asked for; 0 <= accepted <= drafted; 0 <= wasted
//   <= ahead steps; a round verifies drafted + 1 positions; on a device a draft of n tokens takes
//   n + 1 draft steps, of which some may have been done ahead.
// overlap: a GPU, a direction of a link, a stage does one thing at a time, in FIFO order; a
//   draft-ahead step starts only if nothing else waits; a stage starts a batch only when the buffer
//   after it is free.
// cause: nothing happens before what it needs: a frame leaves after its operations, a batch starts
//   after its frames have come, a stage after the one before, an answer after the last stage, a
//   head after the answer; tokens are out after the head, or where the cloud has it after the
//   answer.
// bytes: a frame's size on the wire is FrameBytes of its header.
// batch: its tokens are its parts', hold each prompt position once and in order, and fit the token
//   budget.
// utilisation: no resource was busy for longer than the run took.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/units.h"
#include "protocol/observer.h"
#include "protocol/system.h"

namespace hat {

struct LawOptions {
  SystemSpec system;
  int hidden = 0;
  int devices = 0;
  int replicas = 1;
  int stages = 0;
  int token_budget = 0;              // 0: not checked (prefill cut "whole" may exceed it)
  bool ends_at_end_of_text = false;  // a request may be complete before its last token
  Seconds tolerance;                 // how much earlier than its cause a time may be
  bool has_real_links = false;       // which have several frames under way: no overlap there
};

// The broken laws of a run: all are counted, the first few are kept.
class Violations {
 public:
  static constexpr size_t kKept = 20;

  void Add(std::string_view law, const std::string& what);
  const std::vector<std::string>& kept() const { return kept_; }  // "law: what happened"
  int64_t count() const { return count_; }

 private:
  std::vector<std::string> kept_;
  int64_t count_ = 0;
};

class Laws : public ObserverList {
 public:
  explicit Laws(const LawOptions& options);
  ~Laws() override;
  Laws(const Laws&) = delete;
  Laws& operator=(const Laws&) = delete;

  // The laws of a whole run; once, after the last event. `is_partial`: requests may be in flight.
  void Finish(bool is_partial);

  int64_t events() const;  // told so far
  const Violations& violations() const { return violations_; }
  // Throws RunError "broken law: ..." with the first violation and their number, if there is one.
  void Require() const;

 private:
  class Clock;
  Violations violations_;
  std::unique_ptr<class RequestLaws> requests_;
  std::unique_ptr<class ResourceLaws> resources_;
  std::unique_ptr<class CauseLaws> causes_;
  std::unique_ptr<Clock> clock_;
};

}  // namespace hat
