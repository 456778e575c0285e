#include "profiles/roofline.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <functional>
#include <vector>

#include <fmt/format.h>

#include "core/error.h"

namespace hat {
namespace {

constexpr int kMedusaHeads = 4;
constexpr int kValueBytes = 2;
constexpr int kDeviceTokens = 4096;
constexpr int kCloudTokens = 16384;
constexpr double kTolerance = 0.01;
const std::vector<int> kContexts = {0, 256, 512, 1024, 2048, 4096, 8192};

using Latency = std::function<Seconds(int tokens, int context)>;

// Whether linear interpolation between `low` and `high` tokens stays within the tolerance at every
// context.
bool IsNearlyLinear(const Latency& latency, const std::vector<int>& contexts, int low, int high) {
  const int step = std::max(1, (high - low) / 64);
  for (const int context : contexts) {
    const double first = latency(low, context).value();
    const double slope = (latency(high, context).value() - first) / (high - low);
    for (int tokens = low + step; tokens < high; tokens += step) {
      const double exact = latency(tokens, context).value();
      if (std::abs(first + slope * (tokens - low) - exact) > kTolerance * exact) return false;
    }
  }
  return true;
}

// Grid points from 1 to `last`, each as far from the one before as the tolerance allows, and every
// power of two.
std::vector<int> ChooseTokens(const Latency& latency, const std::vector<int>& contexts, int last) {
  std::vector<int> points = {1};
  while (points.back() < last) {
    const int low = points.back();
    int power = 1;
    while (power <= low) power *= 2;
    int reachable = low + 1;
    int unreachable = std::min(power, last) + 1;
    while (unreachable - reachable > 1) {
      const int middle = (reachable + unreachable) / 2;
      (IsNearlyLinear(latency, contexts, low, middle) ? reachable : unreachable) = middle;
    }
    points.push_back(reachable);
  }
  return points;
}

// Six digits: as much as a model is good for, and files that do not depend on a compiler's last
// bit.
double RoundedUs(Seconds time) {
  return std::strtod(fmt::format("{:.6g}", ToMicroseconds(time)).c_str(), nullptr);
}

std::vector<LatencyGrid::Point> MakePoints(const Latency& latency, const std::vector<int>& contexts,
                                           int last) {
  std::vector<LatencyGrid::Point> points;
  for (const int tokens : ChooseTokens(latency, contexts, last)) {
    for (const int context : contexts) {
      points.push_back({tokens, context, {RoundedUs(latency(tokens, context))}, {}});
    }
  }
  return points;
}

std::string SourceText(const HardwareMode& hardware) {
  std::string text =
      fmt::format("roofline of {}; {}", hardware.hardware->title, hardware.hardware->source);
  if (!hardware.hardware->assumed.empty()) text += "; assumed: " + hardware.hardware->assumed;
  return text;
}

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
  return std::max(Bytes(kValueBytes * weights) / bandwidth, Flops(2 * weights * computed) / rate);
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
  const Bytes read(2.0 * kValueBytes * read_heads * shape_.head_dim *
                   (double{1} * context + tokens));
  const Flops work(4.0 * shape_.heads * shape_.head_dim * tokens * (context + (tokens + 1) / 2.0));
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
         Bytes(2.0 * kValueBytes * tokens * shape_.hidden) / bandwidth;
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

ProfileData ModelProfile(HardwareMode hardware, const ModelShape& shape, const std::string& role,
                         const std::string& dtype) {
  if (role != "device" && role != "cloud") {
    throw InputError(fmt::format("the role must be device or cloud, got '{}'", role));
  }
  if (dtype != "fp16" && dtype != "bf16") {
    throw InputError(fmt::format("the roofline is for the dtypes fp16 and bf16, got '{}'", dtype));
  }
  const Roofline roofline(hardware, shape);
  const auto without_context = [](auto latency) {
    return [latency](int tokens, int) { return latency(tokens); };
  };
  const Latency embedding = without_context([&](int n) { return roofline.Embedding(n); });
  const Latency head = without_context([&](int n) { return roofline.Head(n); });
  ProfileData data;
  data.info = {.id = fmt::format("{}_{}_{}", hardware.Id(), shape.name, role),
               .path = "",
               .sha256 = "",
               .role = role,
               .provenance = Provenance::kModelled,
               .hardware = hardware.hardware->name,
               .power_mode = hardware.mode->name,
               .model = shape,
               .dtype = dtype,
               .source = SourceText(hardware),
               .memory = Bytes(hardware.hardware->memory_gib * 1073741824.0)};
  auto& operations = data.operations;
  const int last = role == "device" ? kDeviceTokens : kCloudTokens;
  operations["embedding"] = MakePoints(embedding, {0}, last);
  operations["head"] = MakePoints(head, {0}, last);
  if (role == "cloud") {
    const Latency linear = without_context([&](int n) { return roofline.Linear(n); });
    const Latency attention = [&](int n, int c) { return roofline.Attention(n, c); };
    operations["linear"] = MakePoints(linear, {0}, last);
    operations["a0"] = {{1, 0, {RoundedUs(roofline.AttentionBase())}, {}}};
    operations["attention"] = MakePoints(attention, kContexts, last);
    return data;
  }
  const Latency medusa = without_context([&](int n) { return roofline.Medusa(n); });
  operations["layer"] =
      MakePoints([&](int n, int c) { return roofline.Layer(n, c); }, kContexts, last);
  operations["adapter"] =
      MakePoints([&](int n, int c) { return roofline.Adapter(n, c); }, kContexts, last);
  operations["medusa"] = MakePoints(medusa, {0}, last);
  return data;
}

}  // namespace hat
