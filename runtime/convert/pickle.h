// What torch.save pickles for a dictionary of tensors, and nothing else: a pickle is a program, of
// which only the part that builds such a dictionary is run. No name that it asks for is looked up.
// Free of torch.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/model/safetensors.h"

namespace hat {

// A tensor as the pickle describes it; its values are in the archive's record `storage`.
struct PickledTensor {
  StoredType type = StoredType::kFloat32;
  std::string storage;  // "0": the record data/0
  int64_t offset = 0;   // in the storage, values
  std::vector<int64_t> shape;
  std::vector<int64_t> strides;  // values from one to the next
};

// `name` stands for the file in messages. Throws InputError: not a pickle, cut off, not a
// dictionary of tensors, or one that wants anything else of Python (which is named).
std::map<std::string, PickledTensor> ReadPickledTensors(std::string_view pickle,
                                                        const std::string& name);

}  // namespace hat
