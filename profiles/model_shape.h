// The shape of a Llama-family model: what sizes, costs and memory follow from.
#pragma once

#include <string>
#include <vector>

#include "core/units.h"

namespace hat {

struct ModelShape {
  std::string name;
  int hidden = 0;
  int layers = 0;
  int heads = 0;
  int kv_heads = 0;
  int head_dim = 0;
  int ffn = 0;
  int vocabulary = 0;
  bool tied_embeddings = false;

  double LayerWeights() const;       // q, k, v, o, gate, up, down, two norms
  double EmbeddingWeights() const;   // vocabulary x hidden
  double AdapterWeights() const;     // 4 hidden^2: one self-attention block (HAT, arXiv 2503.18989)
  double MedusaHeadWeights() const;  // d^2 + d + vocabulary d, one head (Medusa-1)
  double TotalWeights() const;       // layers, embedding, final norm and, unless tied, the head
  Bytes KvBytesPerToken(int layers, int bytes_per_value) const;

  // The same sizes, whatever the names.
  bool HasSameSizes(const ModelShape& other) const;
  bool operator==(const ModelShape&) const = default;
};

// "hidden 4096, 32 layers, 32 heads (32 KV) of 128, FFN 11008, vocabulary 32000": for messages.
std::string Describe(const ModelShape& shape);

// A named shape or, if `name` ends in .json, a Hugging Face config.json of the Llama architecture
// (model_type llama or mistral, SwiGLU, no biases), named after the folder that holds it. Throws
// InputError (unknown name: lists the known ones; config: file, key, what is allowed).
ModelShape FindModelShape(const std::string& name);
std::vector<std::string> ModelShapeNames();

}  // namespace hat
