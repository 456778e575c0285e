// Medusa heads as the method's authors publish them (medusa_lm_head.pt or .safetensors, Medusa-1):
// of head j the tensors j.0.linear.weight, j.0.linear.bias and j.1.weight.
#pragma once

#include <string>

#include "core/dtype.h"

namespace hat {

// Writes them in the form that everything here takes (docs/formats.md), for the model in
// `model_folder`, in `dtype`. Throws InputError: neither kind of file, no head, other tensors than
// those, other shapes than the model's; RunError.
void ImportMedusa(const std::string& source, const std::string& model_folder, Dtype dtype,
                  const std::string& out);

}  // namespace hat
