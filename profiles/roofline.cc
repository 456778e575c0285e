#include "profiles/roofline.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace hat {
namespace {

constexpr int kMedusaHeads = 4;
constexpr int kAttentionBlock = 128;

}  // namespace

Roofline::Roofline(HardwareMode hardware, ModelShape shape)
    : hardware_(hardware), shape_(std::move(shape)), classes_(shape_.LayerClasses()) {}

double Roofline::Tflops(int tokens) const {
  const std::vector<ComputeRate>& rates = hardware_.hardware->compute;
  const auto above = std::find_if(rates.begin(), rates.end(),
                                  [&](const ComputeRate& rate) { return rate.tokens >= tokens; });
  if (above == rates.end()) return rates.back().tflops;
  if (above == rates.begin()) return rates.front().tflops;
  const auto below = above - 1;
  return below->tflops + (above->tflops - below->tflops) * (tokens - below->tokens) /
                             (above->tokens - below->tokens);
}

Seconds Roofline::Product(double weights, int tokens) const {
  const int tile = hardware_.hardware->tile_tokens;
  const int computed = 2 * tokens <= tile ? tokens : (tokens + tile - 1) / tile * tile;
  const BytesPerSecond bandwidth(hardware_.hardware->gb_per_s * 1e9 * hardware_.bandwidth_scale());
  const FlopsPerSecond rate(Tflops(tokens) * 1e12 * hardware_.compute_scale());
  return std::max(Bytes(kRooflineValueBytes * weights) / bandwidth,
                  Flops(2 * weights * computed) / rate);
}

Seconds Roofline::Overhead(int tokens) const {
  return Microseconds(hardware_.hardware->layer_us + hardware_.hardware->layer_token_us * tokens);
}

Seconds Roofline::Linear(int tokens, int layer_class) const {
  const double weights = classes_.at(static_cast<size_t>(layer_class)).Weights(shape_.hidden);
  return Product(weights, tokens) + Overhead(tokens);
}

Seconds Roofline::AttentionBase() const {
  return Microseconds(hardware_.hardware->attention_base_us);
}

Seconds Roofline::AttentionOf(const LayerShape& layer, int tokens, int context) const {
  const Hardware& hardware = *hardware_.hardware;
  const int read_heads = hardware.rereads_kv_for_query_heads ? layer.heads : layer.kv_heads;
  const Bytes read(2.0 * kRooflineValueBytes * read_heads * layer.head_dim *
                   (double{1} * context + tokens));
  const double mean_positions = context + (tokens + std::min(tokens, kAttentionBlock)) / 2.0;
  const Flops work(4.0 * layer.heads * layer.head_dim * tokens * mean_positions);
  const BytesPerSecond bandwidth(hardware.kv_gb_per_s * 1e9 * hardware_.bandwidth_scale());
  const FlopsPerSecond rate(hardware.attention_tflops * 1e12 * hardware_.compute_scale());
  return Microseconds(hardware.attention_sequence_us + hardware.attention_token_us * tokens) +
         std::max(read / bandwidth, work / rate);
}

Seconds Roofline::Attention(int tokens, int context, int layer_class) const {
  return AttentionOf(classes_.at(static_cast<size_t>(layer_class)), tokens, context);
}

Seconds Roofline::Layer(int tokens, int context, int layer_class) const {
  return Linear(tokens, layer_class) + AttentionBase() + Attention(tokens, context, layer_class);
}

Seconds Roofline::Embedding(int tokens) const {
  const BytesPerSecond bandwidth(hardware_.hardware->gb_per_s * 1e9 * hardware_.bandwidth_scale());
  return Microseconds(hardware_.hardware->launch_us) +
         Bytes(2.0 * kRooflineValueBytes * tokens * shape_.hidden) / bandwidth;
}

Seconds Roofline::Head(int tokens) const {
  return Product(shape_.EmbeddingWeights(), tokens) + Microseconds(hardware_.hardware->launch_us);
}

Seconds Roofline::Adapter(int tokens, int context) const {
  LayerShape block = classes_.at(0);
  block.kv_heads = block.heads;
  return Product(shape_.AdapterWeights(), tokens) + Overhead(tokens) + AttentionBase() +
         AttentionOf(block, tokens, context);
}

Seconds Roofline::Medusa(int tokens) const {
  return kMedusaHeads * (Product(shape_.MedusaHeadWeights(), tokens) +
                         Microseconds(hardware_.hardware->launch_us));
}

}  // namespace hat
