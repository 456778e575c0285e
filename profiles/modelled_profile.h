// A whole profile from the roofline of a hardware preset.
#pragma once

#include <optional>
#include <string>

#include "profiles/hardware.h"
#include "profiles/model_shape.h"
#include "profiles/profile_file.h"

namespace hat {

// What the grids of a modelled profile cover, >= 1.
struct ModelledLimits {
  static constexpr int kMost = 1 << 17;  // of either
  std::optional<int> max_tokens;         // default: 4096 for a device, 16384 for a cloud
  int max_context = 8192;
};

// Every operation of the role, on grids between whose points interpolation is within 2% of the
// roofline. Throws InputError for another role than "device", "cloud" or another dtype than "fp16",
// "bf16".
ProfileData ModelProfile(HardwareMode hardware, const ModelShape& shape, const std::string& role,
                         const std::string& dtype = "fp16", const ModelledLimits& limits = {});

}  // namespace hat
