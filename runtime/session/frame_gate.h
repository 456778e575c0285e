// Stands between devices and a cloud server: lets through only frames that protocol.md allows at
// that moment, so that no device can make the server fail, or reach another session's cache.
#pragma once

#include <unordered_map>
#include <vector>

#include "protocol/frame.h"
#include "protocol/system.h"

namespace hat {

class FrameGate {
 public:
  struct Limits {
    SystemSpec::Kind kind = SystemSpec::Kind::kSplit;
    WireDtype dtype = WireDtype::kFloat32;
    int hidden = 0;
    int max_positions = 0;  // of the model
    int max_verify = 0;     // states a verification: max draft + 1 or the tree's nodes
  };
  explicit FrameGate(const Limits& limits) : limits_(limits) {}

  // A frame from a device, before the server sees it. Throws InputError: what is wrong with it; the
  // session is then as it was before.
  void OnUp(int device, const Frame& frame);

  // The server's answer to a session.
  void OnDown(const FrameHeader& header);

  size_t sessions() const { return sessions_.size(); }  // open

 private:
  struct Session {
    int device = 0;
    int prompt_tokens = 0;
    int output_tokens = 0;
    int prompt_received = 0;
    bool has_first = false;    // its prompt is answered
    bool is_waiting = false;   // a verification is under way
    int verify_position = -1;  // of the newest verification; -1: none yet
    int verify_count = 0;
    std::vector<int32_t> parents;  // a tree's
  };
  void CheckShape(const Frame& frame) const;
  void CheckPrefill(int device, const FrameHeader& header);
  void CheckVerify(const Session& session, const Frame& frame) const;
  int PositionAfter(const Session& session, const Frame& frame) const;
  Session& Find(int device, const FrameHeader& header);

  Limits limits_;
  std::unordered_map<SessionId, Session> sessions_;
};

}  // namespace hat
