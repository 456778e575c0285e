// A device's ports on a real model.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "runtime/session/adapter_drafter.h"
#include "runtime/session/live_session.h"
#include "runtime/session/lookup_drafter.h"
#include "runtime/session/medusa_drafter.h"

namespace hat {

class LiveInput : public InputCompute {
 public:
  explicit LiveInput(LiveSession& session) : session_(session) {}
  Result RunPrompt(int first_position, int tokens) override;
  Result RunChain(int tokens) override;

 private:
  LiveSession& session_;
};

// Answers from the cloud are checked: InputError if one has another number of states than asked. No
// token is committed after an end of text.
class LiveVerifier : public Verifier {
 public:
  // Null: no such drafter.
  LiveVerifier(LiveSession& session, LiveChainDrafter* chain_drafter, MedusaDrafter* tree_drafter)
      : session_(session), chain_drafter_(chain_drafter), tree_drafter_(tree_drafter) {}
  First CommitFirst(const States& deep) override;
  Verified Verify(int drafted, const States& deep) override;
  VerifiedTree VerifyTree(const Tree& tree, const States& deep) override;

 private:
  LiveSession& session_;
  LiveChainDrafter* chain_drafter_;
  MedusaDrafter* tree_drafter_;
};

class LiveDeviceCompute : public DeviceCompute {
 public:
  // As LiveSession; drafts with what the model holds.
  LiveDeviceCompute(const LiveDevice& device, int request, int cache_slots, SessionTokens& tokens);

  LiveInput& input() override { return input_; }
  LiveVerifier& verifier() override { return *verifier_; }
  LiveChainDrafter& chain_drafter() override { return *chain_drafter_; }
  MedusaDrafter& tree_drafter() override { return *tree_drafter_; }

 private:
  LiveSession session_;
  LiveInput input_{session_};
  std::unique_ptr<LiveChainDrafter> chain_drafter_;
  std::optional<MedusaDrafter> tree_drafter_;
  std::optional<LiveVerifier> verifier_;
};

}  // namespace hat
