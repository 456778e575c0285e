// A device for tests: outcomes from a function, latencies from another. Fails the test when the
// protocol asks for anything out of order.
#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "protocol/device_compute.h"
#include "protocol/observer.h"
#include "world/compute_queue.h"

namespace hat {

// One proposal of the drafter: how sure it was, and the rank of the target's token in its
// distribution (1: the proposal is right).
struct Proposal {
  float confidence = 0;
  int rank = 1;
};
// Of the chain that output token `start` (>= 1) starts, the proposal of step 1, 2, ...
using Drafter = std::function<Proposal(int request, int start, int step)>;
// The rank of the target's token `start` + `head` under Medusa head 1, 2, ...
using MedusaRanks = std::function<int(int request, int start, int head)>;
using DeviceLatency = std::function<Seconds(DeviceOp op, int tokens, int context)>;

// Confidence uniform in [0, 1), right with probability `p_right`, else of rank 2 to 7.
Drafter SeededDrafter(uint64_t seed, double p_right);

struct FakeDeviceModel {
  DeviceLatency latency;
  Drafter drafter;
  MedusaRanks medusa;
  size_t bytes_each = 2;     // of a state
  bool is_alone = false;     // device-only: no deep states
  bool reads_prompt = true;  // the drafter has a cache of its own
};

// All parts of a session in one.
class FakeDeviceCompute : public DeviceCompute,
                          private InputCompute,
                          private ChainDrafter,
                          private TreeDrafter,
                          private Verifier {
 public:
  FakeDeviceCompute(ComputeQueue& gpu, const FakeDeviceModel& model, const Request& request)
      : gpu_(gpu), model_(model), request_(request) {}

  InputCompute& input() override { return *this; }
  Verifier& verifier() override { return *this; }
  ChainDrafter& chain_drafter() override { return *this; }
  TreeDrafter& tree_drafter() override { return *this; }

 private:
  Result RunPrompt(int first_position, int tokens) override;
  Result RunChain(int tokens) override;
  std::optional<Span> ReadPrompt(int prompt_tokens) override;
  Step RunStep() override;
  std::optional<Span> RunAheadStep(int branches, const MayGoOn& may_go_on) override;
  std::optional<Ahead> TakeAhead() override;
  void KeepAhead(int steps) override;
  Span RunHeads() override;
  Result RunTree(const Tree& tree) override;
  First CommitFirst(const States& deep) override;
  Verified Verify(int drafted, const States& deep) override;
  VerifiedTree VerifyTree(const Tree& tree, const States& deep) override;

  Span Run(DeviceOp op, int tokens, int context);
  int newest_position() const { return request_.prompt_tokens + out_ - 1; }
  Proposal At(int step) const { return model_.drafter(request_.id, out_, step); }
  States ShallowStates(const std::vector<int32_t>& positions) const;
  void ExpectDeep(const States& deep, std::vector<int32_t> positions) const;

  ComputeQueue& gpu_;
  const FakeDeviceModel& model_;
  Request request_;
  int computed_ = 0;          // prompt positions
  bool has_adapter_ = false;  // has the adapter seen the prompt?
  int out_ = 0;               // output tokens
  int steps_ = 0;             // of the newest token's chain
  int ahead_steps_ = 0;
  int branches_ = 0;
  bool ahead_holds_ = false;
};

}  // namespace hat
