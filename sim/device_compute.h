// A device's ports in the simulator: latencies from its profile, outcomes from a draft source.
#pragma once

#include <memory>
#include <optional>
#include <span>

#include "experiments/hardware/profiled_device.h"
#include "protocol/device_compute.h"
#include "protocol/observer.h"
#include "sim/draft_chain.h"
#include "world/compute_queue.h"

namespace hat {

// What the sessions of one simulated device share.
struct SimDevice {
  SimDevice(World& world, const Scenario& scenario, const DeviceClass& device_class,
            std::span<const DeviceProfile> modes)
      : gpu(world), hardware(scenario, device_class, modes) {}
  ComputeQueue gpu;
  ProfiledDevice hardware;
};

// What all simulated devices share.
struct SimDeviceSetup {
  const Scenario& scenario;
  const DraftSource* drafts;  // null where nothing drafts
};

// What the parts of one session share: its operations on the device's GPU, and its chain.
class SimSession {
 public:
  SimSession(World& world, const SimDeviceSetup& setup, SimDevice& device, const Request& request);

  DraftChain& chain() { return chain_; }
  // Nothing but lookups in the text drafts, which take no GPU.
  bool drafts_by_lookup() const { return !setup_.scenario.system.uses_adapter(); }
  ComputeQueue& gpu() { return device_.gpu; }
  int newest_position() const { return chain_.newest_position(); }
  // `position`: of the first state that goes in, the jitter's key. It is the context, but for
  // heads, which have none.
  Span Run(DeviceOp op, int tokens, int context, int position);
  Span RunAt(DeviceOp op, int tokens, int context) { return Run(op, tokens, context, context); }

 private:
  class Operation;

  const SimDeviceSetup& setup_;
  SimDevice& device_;
  DraftChain chain_;
  std::unique_ptr<Signal> done_;
};

class SimInput : public InputCompute {
 public:
  explicit SimInput(SimSession& session) : session_(session) {}
  Result RunPrompt(int first_position, int tokens) override;
  Result RunChain(int tokens) override;

 private:
  SimSession& session_;
};

// HAT's adapter, or lookups in the text.
class SimChainDrafter : public ChainDrafter {
 public:
  explicit SimChainDrafter(SimSession& session) : session_(session) {}
  std::optional<Span> ReadPrompt(int prompt_tokens) override;
  Step RunStep() override;
  bool computes_states() const override { return !session_.drafts_by_lookup(); }
  std::optional<Span> RunAheadStep(int branches, const MayGoOn& may_go_on) override;
  std::optional<Ahead> TakeAhead() override;
  void KeepAhead(int steps) override { session_.chain().KeepAhead(steps); }

 private:
  SimSession& session_;
};

// Medusa's heads.
class SimTreeDrafter : public TreeDrafter {
 public:
  explicit SimTreeDrafter(SimSession& session) : session_(session) {}
  Span RunHeads() override;
  InputCompute::Result RunTree(const Tree& tree) override;

 private:
  SimSession& session_;
};

class SimVerifier : public Verifier {
 public:
  explicit SimVerifier(SimSession& session) : session_(session) {}
  First CommitFirst(const States& deep) override;
  Verified Verify(int drafted, const States& deep) override;
  VerifiedTree VerifyTree(const Tree& tree, const States& deep) override;

 private:
  SimSession& session_;
};

class SimDeviceCompute : public DeviceCompute {
 public:
  SimDeviceCompute(World& world, const SimDeviceSetup& setup, SimDevice& device,
                   const Request& request)
      : session_(world, setup, device, request) {}

  SimInput& input() override { return input_; }
  SimVerifier& verifier() override { return verifier_; }
  SimChainDrafter& chain_drafter() override { return chain_drafter_; }
  SimTreeDrafter& tree_drafter() override { return tree_drafter_; }

 private:
  SimSession session_;
  SimInput input_{session_};
  SimChainDrafter chain_drafter_{session_};
  SimTreeDrafter tree_drafter_{session_};
  SimVerifier verifier_{session_};
};

}  // namespace hat
