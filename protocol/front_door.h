// The cloud server's front door: which frames of a session it takes. Whatever a device sends, what
// comes through is what protocol.md allows at that moment, so no device can make the server fail or
// reach another one's cache. Plain data, no clock; a refusal is a value.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "protocol/frame.h"

namespace hat {

// Why a frame is not let in: what is wrong with it. None: it is let in.
using Refusal = std::optional<std::string>;

class FrontDoor {
 public:
  struct Limits {
    bool takes_trees = false;     // verifications are trees, not chains
    bool returns_tokens = false;  // a raw prompt comes, and no verification
    Dtype dtype = Dtype::kFloat16;
    int hidden = 0;
    bool carries_states = true;     // false: frames are counted, but hold none (simulator)
    int max_positions = INT32_MAX;  // of the model
    int max_verify = INT32_MAX;     // states per verification: max draft + 1 or the tree's nodes
  };

  // What the door knows of an open session.
  class Session {
   public:
    int prompt_tokens() const { return prompt_tokens_; }
    int output_tokens() const { return output_tokens_; }

   private:
    friend class FrontDoor;
    int prompt_tokens_ = 0;
    int output_tokens_ = 0;
    int prompt_received_ = 0;
    bool has_first_ = false;    // its prompt is answered
    bool is_waiting_ = false;   // a verification is under way
    int verify_position_ = -1;  // of the newest verification; -1: none yet
    int verify_count_ = 0;
    std::vector<int32_t> parents_;  // a tree's
  };

  explicit FrontDoor(const Limits& limits) : limits_(limits) {}

  // May this frame open a session? If so, `session` is one; OnFrame must follow.
  Refusal Open(const Frame& frame, Session* session) const;

  // A frame of an open session. Refused: the session is as it was before. A Close frame is let in
  // at any moment.
  Refusal OnFrame(const Frame& frame, Session* session) const;

  // The server's answer to the session.
  void OnAnswer(const FrameHeader& header, Session* session) const;

 private:
  FrameKind prompt_kind() const {
    return limits_.returns_tokens ? FrameKind::kRawPrompt : FrameKind::kPrefill;
  }
  Refusal CheckShape(const Frame& frame) const;
  Refusal CheckPrompt(const FrameHeader& header, const Session& session) const;
  Refusal CheckVerify(const Frame& frame, const Session& session) const;
  Refusal CheckPlace(const Frame& frame, const Session& session) const;

  Limits limits_;
};

}  // namespace hat
