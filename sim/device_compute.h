// The DeviceCompute port in the simulator: latencies from the device's profile, outcomes from a
// draft source.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "core/random.h"
#include "experiments/scenario/scenario.h"
#include "profiles/profile.h"
#include "protocol/ports.h"
#include "sim/draft_source.h"
#include "world/compute_queue.h"

namespace hat {

// What the sessions of one simulated device share.
struct SimDevice {
  explicit SimDevice(World& world) : gpu(world) {}
  ComputeQueue gpu;
  const DeviceProfile* profile = nullptr;  // of the power mode that operations start in now
};

// What all simulated devices share.
struct SimDeviceSetup {
  const Scenario& scenario;
  const DraftSource* drafts;  // null where the system never drafts
  RngStream jitter;           // keyed by (request, operation, first position, ahead)
  int layers;                 // on the device
};

class SimDeviceCompute : public DeviceCompute {
 public:
  SimDeviceCompute(World& world, const SimDeviceSetup& setup, SimDevice& device,
                   const Request& request);

  Result RunInput(int first_position, int tokens) override;
  Span RunAdapter(int prompt_tokens) override;
  First CommitFirst(const States& deep) override;
  Span RunMedusa() override;
  Result RunNewest() override;
  DraftStep RunDraftStep() override;
  std::optional<Span> RunAheadStep(int branches, const MayGoOn& may_go_on) override;
  Result RunTree(const Tree& tree) override;
  Verified Verify(int drafted, const States& deep) override;
  void KeepAhead(int steps) override;
  VerifiedTree VerifyTree(const Tree& tree, const States& deep) override;

 private:
  class Operation;
  // `position`: of the first state that goes in, the jitter's key. It is the context, but for
  // heads, which have none.
  Span Run(DeviceOp op, int tokens, int context, int position);
  Span RunAt(DeviceOp op, int tokens, int context);
  double Quantile(DeviceOp op, int position) const;
  Seconds Latency(DeviceOp op, int tokens, int context, double quantile) const;
  int newest_position() const { return request_.prompt_tokens + token_ - 1; }
  int Rank(int step) const;

  const SimDeviceSetup& setup_;
  SimDevice& device_;
  Request request_;
  std::unique_ptr<Signal> done_;
  int token_ = 1;                   // output index of the newest committed token
  int steps_ = 0;                   // draft steps of the chain that it starts
  std::vector<float> confidences_;  // of their proposals
  int ahead_steps_ = 0;
  int ahead_branches_ = 0;
};

}  // namespace hat
