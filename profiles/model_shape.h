// The shape of a Llama-family model: what sizes, costs and memory follow from.
#pragma once

#include <string>
#include <vector>

#include "core/strict_json.h"
#include "core/units.h"

namespace hat {

inline constexpr int kMostLayersOfModel = 10'000;  // in a file

// What pruning may make differ from layer to layer.
struct LayerShape {
  int heads = 0;
  int kv_heads = 0;
  int head_dim = 0;
  int ffn = 0;

  double Weights(int hidden) const;  // q, k, v, o, gate, up, down, two norms
  Bytes KvBytesPerToken(int bytes_per_value) const;
  bool operator==(const LayerShape&) const = default;
};

struct ModelShape {
  std::string name;
  int hidden = 0;
  std::vector<LayerShape> layers;
  int vocabulary = 0;
  bool tied_embeddings = false;

  int layer_count() const { return static_cast<int>(layers.size()); }
  // The shapes that occur, in the order in which they first do: a layer's class is its place here.
  std::vector<LayerShape> LayerClasses() const;
  // How many of the layers `first` to before `last` are of each class.
  std::vector<int> LayersOfClasses(int first, int last) const;
  bool has_like_layers() const;
  // What all layers are; a model whose layers differ has no such shape, which is an internal error.
  const LayerShape& every_layer() const;

  // Of the layers `first` to before `last`.
  double LayerWeights(int first, int last) const;
  Bytes KvBytesPerToken(int first, int last, int bytes_per_value) const;
  double EmbeddingWeights() const;   // vocabulary x hidden
  double AdapterWeights() const;     // 4 hidden^2: one self-attention block (HAT, arXiv 2503.18989)
  double MedusaHeadWeights() const;  // d^2 + d + vocabulary d, one head (Medusa-1)
  double TotalWeights() const;       // layers, embedding, final norm and, unless tied, the head

  // The same sizes, whatever the names.
  bool HasSameSizes(const ModelShape& other) const;
  bool operator==(const ModelShape&) const = default;
};

// A model of `count` layers alike.
ModelShape LikeLayers(std::string name, int hidden, int count, LayerShape layer, int vocabulary,
                      bool tied_embeddings);

// Layers alike that follow each other.
struct LayerRun {
  int count = 0;
  LayerShape layer;
};
std::vector<LayerRun> LayerRuns(const ModelShape& shape);

// "hidden 4096, 32 layers, 32 heads (32 KV) of 128, FFN 11008, vocabulary 32000": for messages.
// Each run of layers alike is told apart.
std::string Describe(const ModelShape& shape);

// The object "model" of a profile's file (docs/formats.md), which can also say of layers that they
// differ. Throws InputError: file, key, what is allowed.
ModelShape ReadModelShape(const JsonNode& node);

// What config.json calls the families that are computed: llama, mistral, qwen2, qwen3, smollm3.
const std::vector<std::string>& ModelTypes();

// That of a Hugging Face config.json (WithoutNulls) of the file `path`; as FindModelShape.
ModelShape ShapeOfConfig(const JsonNode& config, const std::string& path);

// A named shape or, if `name` ends in .json, that of a file: one such object (with a key "hidden"),
// or a Hugging Face config.json of the Llama family (model_type llama, mistral, qwen2, qwen3 or
// smollm3; SwiGLU; weights of biases are not counted), named after the folder that holds it. Throws
// InputError (unknown name: lists the known ones; a file: its key, what is allowed).
ModelShape FindModelShape(const std::string& name);
std::vector<std::string> ModelShapeNames();

}  // namespace hat
