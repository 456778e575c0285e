// Latency profiles: how long each operation takes on a piece of hardware, as samples on a grid of
// (new tokens, context). A profile is measured (or modelled) a layer at a time and composed here:
// input = embedding + layers x layer, so that a machine can profile a model that it could not hold.
// File format: docs/formats.md.
//
// A `quantile` says where in the measured spread a latency is drawn (kMedian without jitter); all
// parts of a composed operation are drawn at the same one. Look-ups throw InputError outside the
// profile's grid (latency_grid.h) and for an optional operation that the profile lacks.
#pragma once

#include <ranges>
#include <string>
#include <vector>

#include "core/units.h"
#include "profiles/latency_grid.h"
#include "profiles/model_shape.h"
#include "profiles/profile_file.h"

namespace hat {

// Operations of a device. `layers` is how many layers the device holds, the model's first; a
// `layer_class` is one of the model's (ModelShape::LayerClasses). All results > 0 s.
class DeviceProfile {
 public:
  // Throws InputError (unreadable, not a device's profile, a bad grid): names file and key.
  static DeviceProfile Load(const std::string& path);
  explicit DeviceProfile(const ProfileData& data);

  const ProfileInfo& info() const { return info_; }
  Seconds Embedding(int tokens, double quantile = kMedian) const;
  Seconds Layer(int tokens, int context, double quantile = kMedian, int layer_class = 0) const;
  // Embedding and layers.
  Seconds Input(int tokens, int context, int layers, double quantile = kMedian) const;
  Seconds Adapter(int tokens, int context, double quantile = kMedian) const;
  Seconds Head(int tokens, double quantile = kMedian) const;
  Seconds Medusa(int tokens, double quantile = kMedian) const;
  // The fused step of `width` branches. Measured where the profile has "draft" for this number of
  // layers; else input + adapter + head of `width` tokens.
  Seconds Draft(int width, int context, int layers, double quantile = kMedian) const;

  bool has_adapter() const { return !adapter_.empty(); }
  bool has_medusa() const { return !medusa_.empty(); }
  // Some operation has more than one sample, so jitter has something to draw from.
  bool has_spread() const { return has_spread_; }

  // The largest context and the largest input that embedding, layers and adapter cover, for checks
  // before a run. No limit (INT_MAX) where the profile allows extrapolation.
  int max_context() const;
  int max_tokens() const;
  int max_draft_width(int layers) const;  // branches of a draft step, likewise

 private:
  ProfileInfo info_;
  bool allows_extrapolation_ = false;
  int draft_layers_ = 0;
  bool has_spread_ = false;
  std::vector<LatencyGrid> layer_;  // by class
  LatencyGrid embedding_, adapter_, head_, medusa_, draft_;
};

// One sequence of a batch.
struct BatchedSequence {
  int tokens = 0;   // new ones
  int context = 0;  // positions in front of them
};

// Of layers_of_classes[c] layers of each class c, which take time_of(c) each.
template <typename TimeOf>
Seconds SumOfLayers(const std::vector<int>& layers_of_classes, const TimeOf& time_of) {
  Seconds all;
  for (int c = 0; c < static_cast<int>(layers_of_classes.size()); ++c) {
    const int layers = layers_of_classes[static_cast<size_t>(c)];
    if (layers > 0) all += time_of(c) * layers;
  }
  return all;
}

// Operations of one cloud pipeline stage, a layer each; stage 0 of systems that return tokens adds
// embedding, the last head.
class CloudProfile {
 public:
  static CloudProfile Load(const std::string& path);  // throws as DeviceProfile::Load
  explicit CloudProfile(const ProfileData& data);

  const ProfileInfo& info() const { return info_; }
  Seconds Linear(int tokens, double quantile = kMedian, int layer_class = 0) const;
  // a0, once per layer and batch; may be 0.
  Seconds AttentionBase(double quantile = kMedian, int layer_class = 0) const;
  // Of one sequence; may be 0.
  Seconds Attention(int tokens, int context, double quantile = kMedian, int layer_class = 0) const;
  // What one layer takes for a batch, a range of BatchedSequence: linear(all new tokens) + a0 + the
  // sum of attention(tokens, context).
  template <std::ranges::forward_range Batch>
  Seconds Layer(Batch&& batch, double quantile = kMedian, int layer_class = 0) const {
    int tokens = 0;
    for (const BatchedSequence& part : batch) tokens += part.tokens;
    Seconds layer = Linear(tokens, quantile, layer_class) + AttentionBase(quantile, layer_class);
    for (const BatchedSequence& part : batch) {
      layer += Attention(part.tokens, part.context, quantile, layer_class);
    }
    return layer;
  }
  // What a stage takes that has layers_of_classes[c] layers of class c
  // (ModelShape::LayersOfClasses).
  template <std::ranges::forward_range Batch>
  Seconds Layers(const std::vector<int>& layers_of_classes, Batch&& batch,
                 double quantile = kMedian) const {
    return SumOfLayers(layers_of_classes, [&](int c) { return Layer(batch, quantile, c); });
  }
  Seconds Embedding(int tokens, double quantile = kMedian) const;
  Seconds Head(int tokens, double quantile = kMedian) const;

  bool has_embedding_and_head() const { return !embedding_.empty() && !head_.empty(); }
  bool has_spread() const;

  // As for a device: the largest context, the largest batch, the most new tokens of one sequence.
  int max_context() const;
  int max_tokens() const;
  int max_sequence_tokens() const;
  int max_head_rows() const;  // 0 without embedding or head

 private:
  ProfileInfo info_;
  bool allows_extrapolation_ = false;
  std::vector<LatencyGrid> linear_, a0_, attention_;  // by class
  LatencyGrid embedding_, head_;
};

}  // namespace hat
