// A device's GPU in the in-memory world: a FIFO of operations, one at a time. An operation's work
// is really done; what it lasts on the virtual clock is made up: 1 ms and 0.01 ms a token.
#pragma once

#include <functional>
#include <optional>

#include "protocol/ports.h"
#include "world/world.h"

namespace hat {

class VirtualGpu {
 public:
  explicit VirtualGpu(World& world) : world_(world) {}

  // Blocks the calling activity until the operation has ended; `work` must not block.
  Span Run(int tokens, const std::function<void()>& work);

  // Once nothing holds or wants the GPU; nothing if the inbox is not empty before that.
  std::optional<Span> RunWhenIdle(int tokens, const std::function<void()>& work, Inbox& inbox);

 private:
  World& world_;
  Seconds free_;
};

}  // namespace hat
