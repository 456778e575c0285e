// A Hugging Face checkpoint's folder: config.json with model.safetensors, or with the shards that
// model.safetensors.index.json lists. Free of torch.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "runtime/model/config.h"
#include "runtime/model/safetensors.h"

namespace hat {

class Checkpoint {
 public:
  // Reads the config and the headers. Throws InputError: a file is missing or broken, an index that
  // contradicts its shards, tensors that the architecture does not have (a bias, say), tensors
  // that it needs and that are missing, wrong shapes.
  explicit Checkpoint(const std::string& folder);

  const std::string& folder() const { return folder_; }
  const ModelConfig& config() const { return config_; }

  struct Located {
    const StoredTensor* tensor;
    const SafetensorsFile* file;
  };
  // `name` must be one of TensorShapes(config). Says which file for messages.
  const Located& Find(const std::string& name) const;

  // 64 hex digits: SHA-256 over what of the config changes numbers and every tensor's name, type,
  // shape, first and last 256 bytes. Cheap, reads a page or two per tensor; two trainings differ.
  std::string Fingerprint() const;

  // The same over every byte of every tensor: reads the whole checkpoint.
  std::string Sha256() const;

 private:
  void OpenFiles();
  void AddFile(const std::string& file_name);

  std::string folder_;
  ModelConfig config_;
  std::map<std::string, std::unique_ptr<SafetensorsFile>> files_;
  std::map<std::string, Located> tensors_;
};

// Every tensor of a model of this config: its Hugging Face name and shape ("model.layers.0....");
// without lm_head.weight where embeddings are tied.
std::map<std::string, std::vector<int64_t>> TensorShapes(const ModelConfig& config);

// What of a config changes numbers, as text: for fingerprints.
std::string NumbersOf(const ModelConfig& config);

}  // namespace hat
