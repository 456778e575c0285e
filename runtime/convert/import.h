// Model files of other programs, made into a folder that everything here takes.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "runtime/model/config.h"

namespace hat {

// What is imported: tensors by the names of TensorShapes(config).
class ImportedModel {
 public:
  virtual ~ImportedModel() = default;
  virtual const ModelConfig& config() const = 0;
  // The narrowest type that holds what the file's matrices were stored as; for quantised ones fp16.
  virtual Dtype widest() const = 0;
  // The values of a tensor, row-major, of which there are as many as its shape says.
  virtual void Read(const std::string& name, std::span<float> values) const = 0;
  // Beside the weights and config.json: name -> content.
  virtual std::map<std::string, std::string> OtherFiles() const = 0;
};

// Writes the checkpoint `folder`: config.json, safetensors (in files of `part_bytes`, and no more
// is in memory at once), tokenizer. Appears whole or not at all. `progress`: is told of each
// tensor, how many are done and how many there are; false ends it. Throws InputError: the folder
// holds something else than such an import (with `replace`, it must be one); a value that is not
// finite, or not in `dtype`. RunError: the disk is full, interrupted.
using ImportProgress = std::function<bool(size_t done, size_t all)>;
void WriteImport(const ImportedModel& model, Dtype dtype, const std::string& folder, bool replace,
                 const std::string& from, const ImportProgress& progress,
                 size_t part_bytes = size_t{2} << 30);

}  // namespace hat
