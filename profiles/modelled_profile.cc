#include "profiles/modelled_profile.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <functional>
#include <vector>

#include "core/error.h"
#include "profiles/roofline.h"

namespace hat {
namespace {

constexpr int kDeviceTokens = 4096;
constexpr int kCloudTokens = 16384;
constexpr double kTolerance = 0.01;
using Latency = std::function<Seconds(int tokens, int context)>;

// The roofline is linear in context: two would do, the others are for people.
std::vector<int> ChooseContexts(int last) {
  std::vector<int> contexts = {0};
  for (int context = 512; context < last; context *= 4) contexts.push_back(context);
  contexts.push_back(last);
  return contexts;
}

// Whether the straight line from `low` to `high` tokens stays within the tolerance at every
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

// Grid points from 1 to `last`, each as far from the one before as the tolerance allows at every
// context, and every power of two.
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

std::vector<LatencyGrid::Point> MakePoints(const Latency& latency,
                                           const std::vector<int>& tokens_axis,
                                           const std::vector<int>& contexts) {
  std::vector<LatencyGrid::Point> points;
  for (const int tokens : tokens_axis) {
    for (const int context : contexts) {
      points.push_back({tokens, context, {RoundedUs(latency(tokens, context))}, {}});
    }
  }
  return points;
}

std::vector<LatencyGrid::Point> WithContext(const Latency& latency, int last, int last_context) {
  const std::vector<int> contexts = ChooseContexts(last_context);
  return MakePoints(latency, ChooseTokens(latency, contexts, last), contexts);
}

std::vector<LatencyGrid::Point> WithoutContext(const std::function<Seconds(int tokens)>& latency,
                                               int last) {
  const Latency at_any = [&](int tokens, int) { return latency(tokens); };
  return MakePoints(at_any, ChooseTokens(at_any, {0}, last), {0});
}

std::string SourceText(const HardwareMode& hardware) {
  std::string text =
      fmt::format("roofline of {}; {}", hardware.hardware->title, hardware.hardware->source);
  if (!hardware.hardware->assumed.empty()) text += "; assumed: " + hardware.hardware->assumed;
  return text;
}

ProfileInfo MakeInfo(const HardwareMode& hardware, const ModelShape& shape, Role role,
                     Dtype dtype) {
  ProfileInfo info;
  info.id = fmt::format("{}_{}_{}", hardware.Id(), shape.name, Name(role));
  info.role = role;
  info.provenance = Provenance::kModelled;
  info.hardware = hardware.hardware->name;
  info.power_mode = hardware.mode->name;
  info.model = shape;
  info.dtype = dtype;
  info.source = SourceText(hardware);
  info.memory = Bytes(hardware.hardware->memory_gib * 1073741824.0);
  return info;
}

}  // namespace

ProfileData ModelProfile(HardwareMode hardware, const ModelShape& shape, Role role, Dtype dtype,
                         const ModelledLimits& limits) {
  HAT_CHECK(BytesPerValue(dtype) == kRooflineValueBytes, Name(dtype));
  const Roofline roofline(hardware, shape);
  const int last = limits.max_tokens.value_or(role == Role::kDevice ? kDeviceTokens : kCloudTokens);
  const auto with_context = [&](const Latency& latency) {
    return WithContext(latency, last, limits.max_context);
  };
  ProfileData data;
  data.info = MakeInfo(hardware, shape, role, dtype);
  auto& operations = data.operations;
  operations[Operation::kEmbedding] =
      WithoutContext([&](int n) { return roofline.Embedding(n); }, last);
  operations[Operation::kHead] = WithoutContext([&](int n) { return roofline.Head(n); }, last);
  if (role == Role::kDevice) {
    operations[Operation::kAdapter] =
        with_context([&](int n, int c) { return roofline.Adapter(n, c); });
    operations[Operation::kMedusa] =
        WithoutContext([&](int n) { return roofline.Medusa(n); }, last);
  }
  for (int k = 0; k < static_cast<int>(shape.LayerClasses().size()); ++k) {
    if (role == Role::kDevice) {
      operations[{Operation::kLayer, k}] =
          with_context([&](int n, int c) { return roofline.Layer(n, c, k); });
      continue;
    }
    operations[{Operation::kLinear, k}] =
        WithoutContext([&](int n) { return roofline.Linear(n, k); }, last);
    operations[{Operation::kAttentionBase, k}] = {
        {1, 0, {RoundedUs(roofline.AttentionBase())}, {}}};
    operations[{Operation::kAttention, k}] =
        with_context([&](int n, int c) { return roofline.Attention(n, c, k); });
  }
  return data;
}

}  // namespace hat
