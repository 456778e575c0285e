// Which session: the device's, and the device's own number for it. On the wire only the number
// stands; which device a frame is of the cloud knows from the link that it came by. So nobody can
// name another device's session. A device that comes back, or another in its place, has a new link,
// and may use all numbers again while the cloud still clears up after the one before.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>

#include "protocol/frame.h"

namespace hat {

struct SessionKey {
  int device = 0;
  SessionId number = 0;
  int link = 0;  // how many links of the device have gone before (CloudServer::Drop)

  bool operator==(const SessionKey&) const = default;
};

struct SessionKeyHash {
  size_t operator()(const SessionKey& key) const {
    // In one process numbers differ anyway; the factor spreads devices that all count from 0.
    return std::hash<uint64_t>()(key.number +
                                 uint64_t{0x9e3779b97f4a7c15} * static_cast<uint64_t>(key.device) +
                                 uint64_t{0xc2b2ae3d27d4eb4f} * static_cast<uint64_t>(key.link));
  }
};

}  // namespace hat
