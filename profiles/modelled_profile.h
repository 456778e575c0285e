// A whole profile from the roofline of a hardware preset.
#pragma once

#include <string>

#include "profiles/hardware.h"
#include "profiles/model_shape.h"
#include "profiles/profile_file.h"

namespace hat {

// Every operation of the role, on grids between whose points interpolation is within 2% of the
// roofline: tokens 1..4096 for a device, 1..16384 for a cloud, contexts 0..8192. Throws InputError
// for another role than "device", "cloud" or another dtype than "fp16", "bf16".
ProfileData ModelProfile(HardwareMode hardware, const ModelShape& shape, const std::string& role,
                         const std::string& dtype = "fp16");

}  // namespace hat
