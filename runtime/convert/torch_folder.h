// A checkpoint's folder with weights as torch.save writes them (pytorch_model.bin, or shards and
// their index): what was usual before safetensors.
#pragma once

#include <map>
#include <memory>
#include <span>
#include <string>

#include "runtime/convert/import.h"
#include "runtime/convert/torch_archive.h"

namespace hat {

class TorchFolder final : public ImportedModel {
 public:
  // Throws InputError: as ReadModelConfig; a file is missing, no archive of torch 1.6 or newer, a
  // pickle of anything but tensors; tensors that are missing, or of other shapes than the config's.
  explicit TorchFolder(const std::string& folder);
  ~TorchFolder() override;

  const ModelConfig& config() const override { return config_; }
  Dtype widest() const override;
  void Read(const std::string& name, std::span<float> values) const override;
  std::map<std::string, std::string> OtherFiles() const override;

 private:
  struct Source {
    const TorchArchive* archive = nullptr;
    PickledTensor tensor;
  };
  void AddFile(const std::string& file);

  std::string folder_;
  ModelConfig config_;
  std::map<std::string, std::unique_ptr<TorchArchive>> archives_;  // by file name
  std::map<std::string, Source> sources_;
};

// Is there one in the folder?
bool HasTorchWeights(const std::string& folder);

}  // namespace hat
