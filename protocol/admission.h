// KV-cache admission: a request reserves its tokens on one replica before any of its frames is
// computed, strictly in the order in which first frames arrive.
#pragma once

#include <cstdint>
#include <deque>
#include <unordered_map>
#include <vector>

#include "protocol/session_key.h"

namespace hat {

class Admission {
 public:
  Admission(int replicas, int64_t kv_tokens) : free_(static_cast<size_t>(replicas), kv_tokens) {}

  struct Admitted {
    SessionKey session;
    int replica = 0;
  };

  // The session waits for `kv_tokens`, behind all that wait already. Returns who is admitted now,
  // in order.
  std::vector<Admitted> Enqueue(SessionKey session, int64_t kv_tokens);

  // The session has ended, or waits no longer; nothing happens if it did neither. Returns who is
  // admitted now, in order.
  std::vector<Admitted> Free(SessionKey session);

  int64_t free_tokens(int replica) const { return free_[static_cast<size_t>(replica)]; }
  size_t waiting() const { return waiting_.size(); }

 private:
  struct Waiting {
    SessionKey session;
    int64_t kv_tokens;
  };
  struct Held {
    int replica;
    int64_t kv_tokens;
  };

  // Admits from the front while the replica with most free tokens (lowest index on ties) has room.
  std::vector<Admitted> AdmitWhatFits();

  std::vector<int64_t> free_;  // by replica
  std::deque<Waiting> waiting_;
  std::unordered_map<SessionKey, Held, SessionKeyHash> held_;
};

}  // namespace hat
