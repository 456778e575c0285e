#include "world/radio_delay.h"

#include <algorithm>

namespace hat {

RadioDelay::RadioDelay(const Shape& shape, RngStream stream)
    : shape_(shape), jitter_(stream.At(0)), stalls_(stream.At(1)) {
  if (shape_.stall_every > Seconds(0)) NextStall();
}

void RadioDelay::NextStall() {
  stall_begin_ = stall_end_ + Seconds(stalls_.Exponential(shape_.stall_every.value()));
  stall_end_ = stall_begin_ + Seconds(stalls_.Exponential(shape_.stall.value()));
}

Seconds RadioDelay::Arrival(Seconds t) {
  if (shape_.jitter > Seconds(0)) t += Seconds(jitter_.Exponential(shape_.jitter.value()));
  t = std::max(t, last_);
  while (stall_end_ <= t && stall_begin_.IsFinite()) NextStall();
  if (t >= stall_begin_) t = stall_end_;
  return last_ = t;
}

}  // namespace hat
