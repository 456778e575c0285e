// What a device computes for one session, in parts that are exchanged one by one: the first layers,
// a drafter, the verifier. They share the session's tokens and caches, which stay behind these
// ports; in front of them are positions, counts, confidences and opaque States. All sessions of a
// device share its GPU, a FIFO of operations. Calls block the calling activity until the work is
// done; what one throws ends the session.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "protocol/frame.h"
#include "protocol/tree.h"
#include "world/span.h"

namespace hat {

// Whether drafting ahead is still worth it: blocks until the time given has come (true) or the
// answer (false).
using MayGoOn = std::function<bool(Seconds until)>;

// The device's layers (all of them where there is no cloud).
class InputCompute {
 public:
  virtual ~InputCompute() = default;

  struct Result {
    Span span;
    States states;  // shallow, rounded to the wire's dtype; empty in the simulator
  };
  // input(tokens): prompt positions.
  virtual Result RunPrompt(int first_position, int tokens) = 0;
  // input(tokens): the newest committed token and the drafter's first `tokens` - 1 proposals.
  virtual Result RunChain(int tokens) = 0;
};

// Proposes chains: the newest committed token, then proposals, each the drafter's likeliest next
// token. Whoever drafts in another way (n-grams of the text, an early exit) is another one of
// these.
class ChainDrafter {
 public:
  virtual ~ChainDrafter() = default;

  // All of the prompt has gone through the input. Nothing where the drafter does not read it.
  virtual std::optional<Span> ReadPrompt(int prompt_tokens) = 0;

  struct Step {
    std::optional<Span> span = {};  // of an operation draft(1); none: it took no GPU
    States states = {};             // of the token that went through the step
    float confidence = 0;           // of the proposal that it made
  };
  // One more proposal.
  virtual Step RunStep() = 0;
  // Whether steps put their token through the input layers. If not, RunChain follows the last step.
  virtual bool computes_states() const { return true; }

  // draft(k): all k branches after the chain's unsent last proposal, one step on. Waits until no
  // other operation holds or wants the GPU; nothing if it may not go on before that, or where the
  // drafter never drafts ahead.
  virtual std::optional<Span> RunAheadStep(int /*branches*/, const MayGoOn&) { return {}; }

  struct Ahead {
    std::vector<float> confidences;  // of each step's proposal on the branch that holds
    std::vector<States> states;      // of each step (entries empty in the simulator)
  };
  // After a verification: the steps ahead, if all proposals were kept and the target's token is one
  // of the branches' first. KeepAhead must follow.
  virtual std::optional<Ahead> TakeAhead() { return {}; }
  // The first `steps` of them are the new chain's, the rest is cut.
  virtual void KeepAhead(int /*steps*/) {}
};

// Proposes trees.
class TreeDrafter {
 public:
  virtual ~TreeDrafter() = default;
  // medusa(1), on the deep state of the newest token's predecessor.
  virtual Span RunHeads() = 0;
  // input(nodes): root and proposals of the heads.
  virtual InputCompute::Result RunTree(const Tree& tree) = 0;
};

// Head and decision: which proposals are what the target says.
class Verifier {
 public:
  virtual ~Verifier() = default;

  struct First {
    Span span;               // head(1)
    bool ends_text = false;  // the token is an end of text: the request is complete
  };
  // Output token 1 is out.
  virtual First CommitFirst(const States& deep) = 0;

  struct Verified {
    Span span;               // head(n + 1)
    int accepted = 0;        // proposals kept
    bool ends_text = false;  // the last committed token is an end of text; nothing after it is kept
  };
  // The deep states of the chain's `drafted` + 1 positions: commits accepted + 1 tokens, cuts the
  // caches.
  virtual Verified Verify(int drafted, const States& deep) = 0;

  struct VerifiedTree {
    Span span;                  // head(nodes)
    std::vector<int32_t> path;  // kept node numbers from the root (0) on; accepted = size - 1
    bool ends_text = false;
  };
  virtual VerifiedTree VerifyTree(const Tree& tree, const States& deep) = 0;
};

// The parts of one session.
class DeviceCompute {
 public:
  virtual ~DeviceCompute() = default;
  virtual InputCompute& input() = 0;
  virtual Verifier& verifier() = 0;
  virtual ChainDrafter& chain_drafter() = 0;  // asked for only where chains are drafted
  virtual TreeDrafter& tree_drafter() = 0;    // likewise
};

}  // namespace hat
