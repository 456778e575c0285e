// A GGUF of the Llama family as a checkpoint: its config and its tensors under Hugging Face's
// names.
#pragma once

#include <map>
#include <span>
#include <string>

#include "core/mapped_file.h"
#include "runtime/convert/gguf_file.h"
#include "runtime/convert/import.h"
#include "runtime/model/config.h"

namespace hat {

class GgufModel final : public ImportedModel {
 public:
  // Throws InputError: another architecture (named, with those that are known), sizes that
  // contradict each other, tensors that are missing, of another shape, or that nothing computes.
  explicit GgufModel(const std::string& path);

  const ModelConfig& config() const override { return config_; }
  Dtype widest() const override;
  void Read(const std::string& name, std::span<float> values) const override;
  std::map<std::string, std::string> OtherFiles() const override;

 private:
  struct Source {
    const GgufTensor* tensor = nullptr;
    int interleaved_heads = 0;  // > 0: rows of as many heads in the order of pairs
  };
  int Size(const char* key) const;  // of the architecture
  LayerShape ReadLayer(int hidden) const;
  void ReadConfig();
  void ReadTokens();
  void ReadScaling();
  void FindTensors();

  MappedFile file_;
  GgufContent gguf_;
  std::string prefix_;  // of the architecture's keys: "llama."
  ModelConfig config_;
  std::map<std::string, Source> sources_;  // by Hugging Face's names
};

}  // namespace hat
