// The remaining ports: what a device computes, what the cloud computes, and the links between them.
// Calls block the calling activity until the work is done.
#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "protocol/inbox.h"
#include "protocol/request.h"
#include "protocol/tree.h"

namespace hat {

// Whether drafting ahead is still worth it: blocks until the time given has come (true) or the
// answer (false).
using MayGoOn = std::function<bool(Seconds until)>;

// What a device computes for one session. Tokens live behind this port; in front of it are
// positions, counts, confidences and opaque States. All sessions of a device share its GPU, a FIFO
// of operations. A chain is: the newest committed token, then proposals, each the drafter's
// likeliest next token. What a port throws ends its session.
class DeviceCompute {
 public:
  virtual ~DeviceCompute() = default;

  struct Result {
    Span span;
    States states;  // shallow, rounded to the wire's dtype; empty in the simulator
  };

  // -- prefill

  // input(tokens): prompt positions through the first layers.
  virtual Result RunInput(int first_position, int tokens) = 0;
  // adapter(L, 0).
  virtual Span RunAdapter(int prompt_tokens) = 0;

  struct First {
    Span span;               // head(1)
    bool ends_text = false;  // the token is an end of text: the request is complete
  };
  // Output token 1 is out.
  virtual First CommitFirst(const States& deep) = 0;

  // medusa(1) on the deep state of the newest token's predecessor.
  virtual Span RunMedusa() = 0;

  // -- a round

  // input(1): the newest committed token, no drafting.
  virtual Result RunNewest() = 0;

  struct DraftStep {
    Span span;
    States states;         // of the token that went through the step
    float confidence = 0;  // of the proposal that it made
  };
  // draft(1): the chain's newest token.
  virtual DraftStep RunDraftStep() = 0;

  // draft(k): all k branches after the chain's unsent last proposal, one step on. Waits until no
  // other operation holds or wants the GPU; nothing if it may not go on before that.
  virtual std::optional<Span> RunAheadStep(int branches, const MayGoOn& may_go_on) = 0;

  // input(nodes): root and proposals of the Medusa heads.
  virtual Result RunTree(const Tree& tree) = 0;

  struct Verified {
    Span span;               // head(n + 1)
    int accepted = 0;        // proposals kept
    bool ends_text = false;  // the last committed token is an end of text; nothing after it is kept
    // All proposals were kept, and the target's token is one of the branches' first.
    bool ahead_is_kept = false;
    std::vector<float> ahead_confidences;  // then: of each ahead step's proposal on that branch
    std::vector<States> ahead_states;      // then: of each step (entries empty in the simulator)
  };
  // The deep states of the chain's `drafted` + 1 positions: commits accepted + 1 tokens, cuts the
  // caches.
  virtual Verified Verify(int drafted, const States& deep) = 0;

  // After a Verify that kept the branch: its first `steps` steps are the new chain's, the rest is
  // cut.
  virtual void KeepAhead(int steps) = 0;

  struct VerifiedTree {
    Span span;                  // head(nodes)
    std::vector<int32_t> path;  // kept node numbers from the root (0) on; accepted = size - 1
    bool ends_text = false;
  };
  virtual VerifiedTree VerifyTree(const Tree& tree, const States& deep) = 0;
};

// A device's uplink, shared by its sessions. Frames go in the order of Send, one at a time.
class Uplink {
 public:
  virtual ~Uplink() = default;
  virtual void Send(Frame frame) = 0;  // queues it and returns
  // Blocks until fewer than two prefill frames of `session` have bytes that have not left.
  virtual void WaitForRoom(SessionId session) = 0;
};

// All devices' downlinks, as the cloud sees them.
class Downlinks {
 public:
  virtual ~Downlinks() = default;
  virtual void Send(int device, Frame frame) = 0;  // queues it and returns
};

// What the cloud computes. In a world of threads each stage of a replica is a thread, and Forget
// comes from any: an implementation for such worlds locks.
class CloudCompute {
 public:
  virtual ~CloudCompute() = default;
  // One pipeline stage on one batch; blocks while it computes. Replaces the parts' states with this
  // stage's output. What it throws ends the sessions of the batch.
  virtual void RunStage(int stage, Batch& batch) = 0;
  // The session's cache is no longer needed; no stage works on it.
  virtual void Forget(const SessionKey& session) = 0;
  // When a batch that leaves `stage` now has crossed the server's link (a FIFO) into the next
  // stage's buffer.
  virtual Seconds CrossStageLink(int stage, const Batch& batch) = 0;
};

}  // namespace hat
