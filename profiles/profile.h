// Latency profiles: how long each operation takes on a piece of hardware, as samples on a grid of (new tokens, context).
// File format: docs/formats.md. A profile is measured (or modelled) a layer at a time and composed here:
// input = embedding + layers x layer, so that a machine can profile a model that it could not hold.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/units.h"
#include "profiles/model_shape.h"

namespace hat {

enum class Provenance { kMeasured, kPublished, kModelled };

// Where in the measured spread a latency is drawn: 0.5 is the median. Jitter off = always kMedian.
inline constexpr double kMedian = 0.5;

// One operation: at each grid point the samples, sorted. Latency is their `quantile` (linear between order statistics), linear
// between grid points in tokens and in context.
class LatencyGrid {
 public:
  struct Point {
    int tokens = 0;
    int context = 0;
    std::vector<double> samples_us;  // >= 1, all > 0 (attention at a0's margin may be 0)
  };
  LatencyGrid() = default;
  // The points must form a full grid. Throws InputError with `where` in front.
  LatencyGrid(std::string where, std::vector<Point> points, bool allow_extrapolation);

  bool empty() const { return tokens_.empty(); }
  // Throws InputError that names the profile, the operation and the grid's bounds outside them, unless extrapolation is allowed
  // (then: linear from the last two points, never below 0).
  Seconds At(int tokens, int context, double quantile) const;
  const std::vector<int>& tokens() const { return tokens_; }
  const std::vector<int>& contexts() const { return contexts_; }
  const std::vector<Point>& points() const { return points_; }  // tokens-major

 private:
  std::string where_;
  std::vector<int> tokens_;
  std::vector<int> contexts_;
  std::vector<Point> points_;
  bool allow_extrapolation_ = false;
};

// What is true of every profile, device or cloud.
struct ProfileInfo {
  std::string id;          // e.g. "agx-xavier-maxn_vicuna-7b_device"
  std::string path;
  std::string sha256;      // of the file
  std::string role;        // "device" or "cloud"
  Provenance provenance = Provenance::kModelled;
  std::string hardware;
  std::string power_mode;  // empty where there is none
  ModelShape model;
  std::string dtype;
  std::string source;
  Bytes memory;            // of the hardware
};

// Operations of a device. `layers` is how many layers the device holds. All results > 0 s.
class DeviceProfile {
 public:
  static DeviceProfile Load(const std::string& path);

  const ProfileInfo& info() const { return info_; }
  Seconds Input(int tokens, int context, int layers, double quantile = kMedian) const;
  Seconds Adapter(int tokens, int context, double quantile = kMedian) const;
  Seconds Head(int tokens, double quantile = kMedian) const;
  Seconds Medusa(int tokens, double quantile = kMedian) const;
  // The fused step of `width` branches. Measured where the profile has "draft" for this number of layers; else
  // input + adapter + head of `width` tokens.
  Seconds Draft(int width, int context, int layers, double quantile = kMedian) const;

  // The largest context and input size the grid covers, for checks before a run.
  int max_context() const;
  int max_tokens() const;

 private:
  ProfileInfo info_;
  std::map<std::string, LatencyGrid> operations_;  // embedding, layer, adapter, head, medusa, optionally draft
  int draft_layers_ = 0;
};

// Operations of one cloud pipeline stage, a layer each: a batch costs
// layers x (linear(sum of new tokens) + a0 + sum of attention(new_i, context_i)); stage 0 of cloud-only adds embedding, the last head.
class CloudProfile {
 public:
  static CloudProfile Load(const std::string& path);

  const ProfileInfo& info() const { return info_; }
  Seconds Linear(int tokens, double quantile = kMedian) const;
  Seconds AttentionBase(double quantile = kMedian) const;  // a0, once a layer and batch
  Seconds Attention(int tokens, int context, double quantile = kMedian) const;
  Seconds Embedding(int tokens, double quantile = kMedian) const;
  Seconds Head(int tokens, double quantile = kMedian) const;
  int max_context() const;
  int max_tokens() const;

 private:
  ProfileInfo info_;
  std::map<std::string, LatencyGrid> operations_;  // linear, a0, attention, embedding, head
};

}  // namespace hat
