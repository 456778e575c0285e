// The devices of a scenario one by one: class, link rates and power modes. Rates are drawn from the
// streams "uplink" and "downlink", a radio's delays from "uplink radio" and "downlink radio", keyed
// by device: the same for every system, and a larger fleet
// begins with a smaller one's draws.
#pragma once

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "core/units.h"
#include "experiments/scenario/rate_trace.h"
#include "experiments/scenario/scenario.h"
#include "protocol/observer.h"
#include "world/fifo_link.h"

namespace hat {

// The rate of one direction of one device's link, in bytes on the wire (the link's efficiency is
// not in it).
class LinkRate final : public RateCurve {
 public:
  explicit LinkRate(BytesPerSecond rate) : rate_(rate) {}
  // A trace that begins `offset` after its start; shared by the devices.
  LinkRate(std::shared_ptr<const RateTrace> trace, Seconds offset)
      : rate_(trace->Mean()), trace_(std::move(trace)), offset_(offset) {}

  const RateCurve* curve() const { return trace_ ? this : nullptr; }  // null: constant
  BytesPerSecond At(Seconds t) const { return trace_ ? trace_->At(t + offset_) : rate_; }
  BytesPerSecond Mean() const { return rate_; }  // over time
  BytesPerSecond Peak() const { return trace_ ? trace_->Peak() : rate_; }
  RateTrace::Hold HoldAt(Seconds t) const;  // of a constant: for ever
  Seconds FinishTime(Seconds start, Bytes size) const override;

 private:
  BytesPerSecond rate_;
  std::shared_ptr<const RateTrace> trace_;
  Seconds offset_;
};

class Fleet {
 public:
  // Loads rate traces. Throws InputError.
  explicit Fleet(const Scenario& scenario);

  int size() const { return static_cast<int>(uplinks_.size()); }
  int class_of(
      int device) const;  // index into Scenario::fleet.classes; a class's devices are consecutive
  const LinkRate& uplink(int device) const { return uplinks_[static_cast<size_t>(device)]; }
  const LinkRate& downlink(int device) const { return downlinks_[static_cast<size_t>(device)]; }
  // A dedicated link of the device, idle; the fleet outlives it.
  FifoLink MakeLink(Direction direction, int device) const;

  // The power mode (index into the class's profile_paths) of a device on which `requests_started`
  // requests have been started, for operations that start from then on. With b = requests_started
  // div n: b mod modes; with weights the mode in whose share of [0, 1) the fraction of
  // a b + c device lies, a and c as in Roberts' R2 sequence: any run of b, and of devices, comes
  // close to the shares.
  int PowerMode(int device, int64_t requests_started) const;

 private:
  std::vector<int> class_ends_;                 // the first device after each class
  std::vector<int> modes_;                      // of each class
  std::vector<std::vector<double>> mode_ends_;  // where each one's share ends; empty: no weights
  int power_mode_requests_;
  uint64_t seed_;
  LinkConfig link_;
  std::vector<LinkRate> uplinks_;
  std::vector<LinkRate> downlinks_;
};

}  // namespace hat
