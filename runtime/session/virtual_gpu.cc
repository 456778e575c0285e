#include "runtime/session/virtual_gpu.h"

#include <algorithm>

namespace hat {

Span VirtualGpu::Run(int tokens, const std::function<void()>& work) {
  const Seconds requested = world_.Now();
  const Seconds start = std::max(requested, free_);
  free_ = start + Milliseconds(1) + Milliseconds(0.01) * tokens;
  const Seconds end = free_;
  world_.SleepUntil(start);
  work();
  world_.SleepUntil(end);
  return {requested, start, end};
}

std::optional<Span> VirtualGpu::RunWhenIdle(int tokens, const std::function<void()>& work,
                                            Inbox& inbox) {
  const Seconds requested = world_.Now();
  do {
    if (inbox.WaitUntil(free_)) return std::nullopt;
  } while (free_ > world_.Now());
  Span span = Run(tokens, work);
  span.requested = requested;
  return span;
}

}  // namespace hat
