// Hidden states as bytes: what crosses the two cuts.
#pragma once

#include "protocol/frame.h"
#include "runtime/model/torch_compute.h"

namespace hat {

// states [n, hidden] on any device, rounded to `dtype`.
States EncodeStates(const at::Tensor& states, Dtype dtype);

// Throws RunError if a value is not finite (fp16 ends at 65504).
void RequireFinite(const States& states, Dtype dtype);

// The other way: [n, hidden] in the compute's dtype on its device. Throws InputError if the bytes
// are no whole number of states.
at::Tensor DecodeStates(const States& states, int hidden, Dtype dtype, const Compute& compute);

// What a state becomes by crossing a cut, in its own dtype again.
at::Tensor RoundToWire(const at::Tensor& states, Dtype dtype);

}  // namespace hat
