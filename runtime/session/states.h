// Hidden states as bytes: what crosses the two cuts.
#pragma once

#include <cstdint>

#include "protocol/frame.h"
#include "runtime/model/torch_compute.h"

namespace hat {

// How a state lies in a frame: its values, and zeros behind them where the frame is that of a
// larger model, which the one that computes stands in for. What a frame's header calls its dtype is
// then the larger model's: fp32 values may lie inside a frame of fp16, if there is room.
struct StateFormat {
  // `bytes`: that a state takes, 0: as many as its values. Throws InputError if they take more, or
  // it is no whole number of values.
  StateFormat(Dtype dtype, int hidden, int64_t bytes = 0);

  Dtype dtype;  // of the values
  int hidden;   // values
  size_t bytes;
};

// states [n, hidden] on any device, rounded to the format's dtype.
States EncodeStates(const at::Tensor& states, const StateFormat& format);

// Whether all values are finite; of bytes that are a whole number of states.
bool AreFinite(const States& states, const StateFormat& format);
// Throws RunError if one is not (fp16 ends at 65504).
void RequireFinite(const States& states, const StateFormat& format);

// The other way: [n, hidden] in the compute's dtype on its device; what lies behind the values is
// not looked at. Throws InputError if the bytes are no whole number of states.
at::Tensor DecodeStates(const States& states, const StateFormat& format, const Compute& compute);

// What a state becomes by crossing a cut, in its own dtype again.
at::Tensor RoundToWire(const at::Tensor& states, Dtype dtype);

}  // namespace hat
