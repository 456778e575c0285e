// Modelled latencies: what a decoder layer and its companions cost on a preset's hardware
// (docs/model.md has a worked number for each formula). n = new tokens, c = context, d = hidden
// size; 16-bit values.
#pragma once

#include <vector>

#include "core/units.h"
#include "profiles/hardware.h"
#include "profiles/model_shape.h"

namespace hat {

inline constexpr int kRooflineValueBytes = 2;

class Roofline {
 public:
  Roofline(HardwareMode hardware, ModelShape shape);

  // max(2 weights / BW, 2 weights tiles(n) / F(n)): a product of n tokens with weights of 2 bytes.
  // tiles(n) = n up to half a tile, else n rounded up to whole tiles.
  Seconds Product(double weights, int tokens) const;

  // Product(layer's weights, n) + o + o_tok n: a layer without attention.
  // Of a layer of this class (ModelShape::LayerClasses), as the next ones.
  Seconds Linear(int tokens, int layer_class = 0) const;
  Seconds AttentionBase() const;
  // s + t n + max(KV bytes of c + n tokens / BW_kv, work / F_attention), one sequence, a layer;
  // work = 4 heads head_dim n (c + (n + min(n, 128)) / 2): causal in blocks of 128 queries. Linear
  // in the context.
  Seconds Attention(int tokens, int context, int layer_class = 0) const;
  // Linear + AttentionBase + Attention.
  Seconds Layer(int tokens, int context, int layer_class = 0) const;

  Seconds Embedding(int tokens) const;  // launch + 4 n d bytes / BW: rows read and written
  Seconds Head(int tokens) const;       // Product(vocabulary d, n) + launch
  // A layer of 4 d^2 weights, with the first layer's heads, and as many KV heads.
  Seconds Adapter(int tokens, int context) const;
  Seconds Medusa(
      int tokens) const;  // four heads of d^2 + d + vocabulary d weights, each with a launch

 private:
  double Tflops(int tokens) const;
  Seconds Overhead(int tokens) const;
  Seconds AttentionOf(const LayerShape& layer, int tokens, int context) const;

  HardwareMode hardware_;
  ModelShape shape_;
  std::vector<LayerShape> classes_;  // of its layers
};

}  // namespace hat
