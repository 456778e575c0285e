// An import, with its progress on stderr.
#pragma once

#include <optional>
#include <string>

#include "runtime/model/compute.h"

namespace hat {

// Makes the checkpoint `out` of `source`: a GGUF, or a checkpoint's folder with pytorch_model*.bin.
// `dtype`: nothing: as narrow as holds what is stored. Throws as GgufModel, TorchFolder,
// WriteImport.
void ImportModel(const std::string& source, std::optional<Dtype> dtype, const std::string& out,
                 bool replace);

}  // namespace hat
