// Reading the small files that belong to a model (adapters, Medusa heads): safetensors whose
// metadata says what they are and which model they were trained on.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>

#include "runtime/model/weights.h"

namespace hat {

// The SEED of "random:SEED"; nothing if `text` does not start so. Throws InputError for a SEED that
// is not an integer >= 0.
std::optional<uint64_t> RandomSeed(const std::string& text);

// A double as text that reads back the same.
std::string ExactText(double value);

// All members throw InputError that names the file.
class TaggedTensors {
 public:
  // A file of this kind (metadata "kind"), trained on the model `id` (metadata "model").
  TaggedTensors(const std::string& path, const std::string& kind, const std::string& id);

  bool Has(const std::string& name) const { return file_.tensors.contains(name); }
  std::vector<int64_t> Shape(const std::string& name) const;  // empty: there is none
  int Integer(const std::string& key) const;                  // from the metadata
  double Positive(const std::string& key) const;              // likewise; finite and > 0
  // The tensor of this shape, every value finite, in fp32 on the CPU.
  at::Tensor Tensor(const std::string& name, const std::vector<int64_t>& shape) const;
  void RefuseOthers() const;  // throws if there are tensors that nobody asked for

 private:
  const std::string& Text(const std::string& key) const;

  std::string path_;
  TensorFile file_;
  mutable std::set<std::string> asked_;
};

}  // namespace hat
