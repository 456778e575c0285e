// A whole profile from the roofline of a hardware preset.
#pragma once

#include <initializer_list>
#include <optional>

#include "profiles/hardware.h"
#include "profiles/model_shape.h"
#include "profiles/profile_file.h"

namespace hat {

// What the grids of a modelled profile cover, >= 1.
struct ModelledLimits {
  static constexpr int kMost = 1 << 18;  // of either; traces have prompts of 191,378
  std::optional<int> max_tokens;         // default: 4096 for a device, 16384 for a cloud
  int max_context = 8192;
};

inline constexpr std::initializer_list<Dtype> kModelledDtypes = {Dtype::kFloat16, Dtype::kBfloat16};

// Every operation of the role, on grids between whose points interpolation is within 2% of the
// roofline, which is that of 16-bit values: `dtype` is one of kModelledDtypes.
ProfileData ModelProfile(HardwareMode hardware, const ModelShape& shape, Role role,
                         Dtype dtype = Dtype::kFloat16, const ModelledLimits& limits = {});

}  // namespace hat
