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
    : hardware_(hardware), shape_(std::move(shape)) {}

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

Seconds Roofline::Linear(int tokens) const {
  return Product(shape_.LayerWeights(), tokens) + Overhead(tokens);
}

Seconds Roofline::AttentionBase() const {
  return Microseconds(hardware_.hardware->attention_base_us);
}

Seconds Roofline::AttentionOf(int kv_heads, int tokens, int context) const {
  const Hardware& hardware = *hardware_.hardware;
  const int read_heads = hardware.rereads_kv_for_query_heads ? shape_.heads : kv_heads;
  const Bytes read(2.0 * kRooflineValueBytes * read_heads * shape_.head_dim *
                   (double{1} * context + tokens));
  const double mean_positions = context + (tokens + std::min(tokens, kAttentionBlock)) / 2.0;
  const Flops work(4.0 * shape_.heads * shape_.head_dim * tokens * mean_positions);
  const BytesPerSecond bandwidth(hardware.kv_gb_per_s * 1e9 * hardware_.bandwidth_scale());
  const FlopsPerSecond rate(hardware.attention_tflops * 1e12 * hardware_.compute_scale());
  return Microseconds(hardware.attention_sequence_us + hardware.attention_token_us * tokens) +
         std::max(read / bandwidth, work / rate);
}

Seconds Roofline::Attention(int tokens, int context) const {
  return AttentionOf(shape_.kv_heads, tokens, context);
}

Seconds Roofline::Layer(int tokens, int context) const {
  return Linear(tokens) + AttentionBase() + Attention(tokens, context);
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
  return Product(shape_.AdapterWeights(), tokens) + Overhead(tokens) + AttentionBase() +
         AttentionOf(shape_.heads, tokens, context);
}

Seconds Roofline::Medusa(int tokens) const {
  return kMedusaHeads * (Product(shape_.MedusaHeadWeights(), tokens) +
                         Microseconds(hardware_.hardware->launch_us));
}

}  // namespace hat
