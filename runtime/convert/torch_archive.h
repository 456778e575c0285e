// A file of torch.save: a zip of a pickle and the storages that it names. Nothing of the pickle is
// run (pickle.h).
#pragma once

#include <map>
#include <memory>
#include <span>
#include <string>

#include "runtime/convert/pickle.h"

namespace hat {

class TorchArchive {
 public:
  // Throws InputError: not readable, no archive of torch 1.6 or newer, cut off, a pickle of
  // anything but tensors.
  explicit TorchArchive(const std::string& path);
  ~TorchArchive();
  TorchArchive(const TorchArchive&) = delete;
  TorchArchive& operator=(const TorchArchive&) = delete;

  const std::string& path() const { return path_; }
  const std::map<std::string, PickledTensor>& tensors() const { return tensors_; }

  // The values of one of the tensors, row by row. Throws InputError: no real numbers, stored in
  // another order, or beyond its storage.
  void Read(const std::string& name, std::span<float> values) const;

 private:
  struct Zip;
  std::string path_;
  std::unique_ptr<Zip> zip_;
  std::map<std::string, PickledTensor> tensors_;
};

}  // namespace hat
