// The wire's dtypes beside the computes'. Free of torch.
#pragma once

#include <string>

#include "protocol/frame.h"
#include "runtime/model/compute.h"

namespace hat {

Dtype DtypeOf(WireDtype dtype);

// "fp32", "fp16" or "bf16"; throws InputError, naming `what`, for anything else.
WireDtype ParseWireDtype(const std::string& name, const std::string& what);

// The one that carries a compute dtype's values best: itself; fp32 for fp64.
WireDtype WireDtypeFor(Dtype compute);

}  // namespace hat
