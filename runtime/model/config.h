// What a Llama-family checkpoint's config.json says: Llama 1 to 3, Vicuna, Yi, TinyLlama, SmolLM 2
// and 3, Qwen 2 and 3, Mistral; no windows narrower than the context. Free of torch.
#pragma once

#include <string>
#include <vector>

#include "profiles/model_shape.h"
#include "runtime/model/compute.h"

namespace hat {

// How rotary frequencies are stretched for contexts longer than those of the first training.
struct RopeScaling {
  enum class Kind { kNone, kLinear, kLlama3 };
  Kind kind = Kind::kNone;
  double factor = 1;              // linear: every frequency / factor; llama3: the low ones
  double low_freq_factor = 1;     // llama3: wavelengths above original / low are low frequencies,
  double high_freq_factor = 4;    // those below original / high stay, between them it is blended
  int original_positions = 8192;  // llama3

  bool operator==(const RopeScaling&) const = default;
};

struct ModelConfig {
  ModelShape shape;
  double norm_eps = 1e-5;
  double rope_theta = 10000;
  RopeScaling rope_scaling;
  int max_positions = 2048;
  bool has_qkv_bias = false;          // Qwen 2: queries, keys, values have biases
  bool has_qk_norm = false;           // Qwen 3: each head's queries and keys are normed (RMS)
  std::vector<int> unrotated_layers;  // SmolLM 3: layers without rotary positions, ascending
  Dtype dtype = Dtype::kFloat32;      // of the stored weights, as declared
  int bos_token = -1;                 // before a prompt; -1: none
  std::vector<int> eos_tokens;

  bool IsRotated(int layer) const;
  bool operator==(const ModelConfig&) const = default;
};

// Reads `folder`/config.json, in the key spellings of transformers 4 (torch_dtype, rope_theta +
// rope_scaling) and 5 (dtype, rope_parameters), or in both if they agree; where they are there,
// generation_config.json, for the end of a text, and tokenizer_config.json, for its begin. Keys
// that change no number are ignored; what this runtime cannot compute (another architecture or
// activation, biases, quantised weights, another rope type, sizes that contradict each other)
// throws InputError: file, key, what is allowed.
ModelConfig ReadModelConfig(const std::string& folder);

// Throws InputError for a model of one layer, which device and cloud cannot share.
void RequireTwoLayers(const ModelConfig& config);

// A config.json that ReadModelConfig and transformers read back as the same config.
std::string ConfigJson(const ModelConfig& config);

// The config of a bare shape, for random weights: the defaults above, `max_positions` given.
ModelConfig ConfigOfShape(const ModelShape& shape, int max_positions = 4096);

// Rotary frequencies, radians per position: theta^(-2 i / head_dim), i = 0..head_dim / 2 - 1,
// scaled; rounded to float as transformers holds them.
std::vector<float> RotaryFrequencies(const ModelConfig& config, int head_dim);

}  // namespace hat
